create table usage_day (
  owner text not null,
  day bigint not null,
  provider text not null,
  model text not null,
  requests bigint not null,
  input_tokens bigint not null,
  cached_tokens bigint not null,
  output_tokens bigint not null,
  micros bigint not null,
  primary key (owner, day, provider, model)
);
