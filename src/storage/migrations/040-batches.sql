create table batch (
  id text primary key,
  owner text not null,
  key_id text,
  endpoint text not null,
  input_file text not null,
  status text not null,
  metadata text,
  problems text,
  output_file text,
  error_file text,
  output_keep_ms bigint,
  created_ms bigint not null,
  expires_ms bigint not null,
  times text not null,
  total integer not null,
  completed integer not null,
  failed integer not null,
  input_tokens bigint not null,
  cached_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  cost_micros bigint not null
);

create index batch_of_owner on batch (owner, created_ms, id);
create index batch_by_status on batch (status);

create table batch_item (
  batch text not null,
  n integer not null,
  at_byte bigint not null,
  bytes integer not null,
  state text not null,
  attempts integer not null,
  worker text,
  until_ms bigint not null,
  primary key (batch, n)
);

create index batch_item_by_state on batch_item (batch, state, n);

create table batch_result (
  batch text not null,
  n integer not null,
  is_error integer not null,
  body text not null,
  primary key (batch, n)
);
