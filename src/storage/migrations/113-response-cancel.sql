alter table response add column cancel_ms bigint;
