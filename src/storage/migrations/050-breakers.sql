create table breaker (
  provider text primary key,
  state text not null,
  until_ms bigint,
  code text,
  changed_ms bigint not null
);
