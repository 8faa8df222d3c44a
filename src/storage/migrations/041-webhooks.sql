create table webhook (
  id text primary key,
  batch text not null,
  type text not null,
  url text not null,
  created_ms bigint not null,
  attempts integer not null,
  due_ms bigint not null
);

create index webhook_by_due on webhook (due_ms);
