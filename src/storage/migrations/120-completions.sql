create table completion (
  owner text not null,
  id text not null,
  asked_model text,
  model text not null,
  metadata text not null,
  messages text not null,
  answer text not null,
  created_ms bigint not null,
  primary key (owner, id)
);

create index completion_by_age on completion (owner, created_ms, id);
create index completion_over on completion (created_ms);
