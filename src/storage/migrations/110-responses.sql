create table response (
  id text primary key,
  owner text not null,
  created_ms bigint not null,
  used_ms bigint not null,
  previous text,
  input text not null,
  body text not null
);

create index response_by_use on response (used_ms);
