create index conversation_item_by_id on conversation_item (id);
