alter table batch add column has_lines integer not null default 1;

create index batch_by_lines on batch (has_lines, created_ms);
