SELECT window_start, category, COUNT(*) AS events, COUNT(DISTINCT user_id) AS users
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE))
GROUP BY window_start, window_end, category
