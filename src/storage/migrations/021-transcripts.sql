create table transcript (
  session text not null,
  subpath text not null,
  seq bigint not null,
  project text not null,
  body text not null,
  primary key (session, subpath, seq)
);

create index session_by_use on session (used_ms, id);
