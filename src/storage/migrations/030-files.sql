create table file (
  id text primary key,
  owner text not null,
  filename text not null,
  purpose text not null,
  status text not null,
  bytes bigint not null,
  created_ms bigint not null,
  expires_ms bigint
);

create index file_of_owner on file (owner, created_ms, id);
create index file_by_expiry on file (expires_ms);
