create table meta (
  name text primary key,
  value text not null
);

create table lease (
  name text primary key,
  owner text not null,
  until_ms bigint not null
);
