create table answer (
  key text primary key,
  scope text not null,
  provider text not null,
  model text not null,
  tokens bigint not null,
  bytes bigint not null,
  stored_ms bigint not null,
  used_ms bigint not null,
  events text not null
);

create index answer_of_scope on answer (scope, stored_ms);
create index answer_by_use on answer (used_ms);

create table answer_clearing (
  scope text not null,
  key text not null,
  cleared_ms bigint not null,
  primary key (scope, key)
);
