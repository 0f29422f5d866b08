SELECT window_start, user_id, COUNT(*) AS events, COUNT(category) AS pages, MAX(ts) AS latest
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, user_id
