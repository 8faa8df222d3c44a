alter table response add column events text;
