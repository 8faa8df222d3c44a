create table conversation (
  id text primary key,
  owner text not null,
  created_ms bigint not null,
  used_ms bigint not null,
  metadata text not null
);

create index conversation_by_use on conversation (used_ms);

create table conversation_item (
  conversation text not null,
  n bigint not null,
  id text not null,
  body text not null,
  primary key (conversation, n)
);
