create table session (
  id text primary key,
  owner text not null,
  folder text not null,
  title text,
  metadata text not null,
  model text,
  turns bigint not null,
  open_calls text,
  created_ms bigint not null,
  used_ms bigint not null
);

create index session_of_folder on session (owner, folder, used_ms);

create index session_by_age on session (owner, created_ms, id);
