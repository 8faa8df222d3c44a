create index usage_by_day on usage_day (day);
