SELECT time_bucket(INTERVAL '1 minute', ts) AS window_start, user_id, count(*) AS events, count(category) AS pages,
       max(ts) AS latest
FROM events
GROUP BY ALL
