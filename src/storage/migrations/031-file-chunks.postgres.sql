create table file_chunk (
  file text not null,
  n integer not null,
  body bytea not null,
  primary key (file, n)
);
