create table api_key (
  id text primary key,
  name text not null,
  hash text not null unique,
  prefix text not null,
  created_ms bigint not null,
  expires_ms bigint,
  revoked_ms bigint,
  policy text not null
);
