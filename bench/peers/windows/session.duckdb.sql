SELECT min(ts) AS window_start, max(ts) + INTERVAL '10 minutes' AS window_end, user_id, count(*) AS events,
       count(category) AS pages
FROM (
    SELECT user_id, ts, category,
           sum(CASE WHEN ts - before <= INTERVAL '10 minutes' THEN 0 ELSE 1 END)
               OVER (PARTITION BY user_id ORDER BY ts ROWS UNBOUNDED PRECEDING) AS session
    FROM (SELECT *, lag(ts) OVER (PARTITION BY user_id ORDER BY ts) AS before FROM events)
)
GROUP BY user_id, session
