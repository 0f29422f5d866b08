SELECT window_start, window_end, user_id, COUNT(*) AS events, COUNT(category) AS pages
FROM TABLE(SESSION(TABLE events PARTITION BY user_id, DESCRIPTOR(ts), INTERVAL '10' MINUTE))
GROUP BY window_start, window_end, user_id
