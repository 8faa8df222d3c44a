create table key_meter (
  key_id text primary key,
  at_ms bigint not null,
  requests double precision not null,
  tokens double precision not null,
  turns bigint not null,
  day bigint not null,
  day_micros bigint not null,
  month bigint not null,
  month_micros bigint not null
);

create table key_reservation (
  id text primary key,
  key_id text not null,
  until_ms bigint not null,
  day bigint not null,
  month bigint not null,
  tokens bigint not null,
  turns bigint not null,
  micros bigint not null
);

create index key_reservation_key on key_reservation (key_id, until_ms);
