-- Text has no bound here; only MySQL has to change its column.
SELECT 1;
