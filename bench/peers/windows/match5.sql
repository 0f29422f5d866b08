SELECT user_id, started, ended
FROM events MATCH_RECOGNIZE (
    PARTITION BY user_id ORDER BY ts
    MEASURES A.ts AS started, C.ts AS ended
    ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
    PATTERN (A B C) WITHIN INTERVAL '1' MINUTE
    DEFINE A AS A.category = 'books', B AS B.category = 'books', C AS C.category IS NULL
)
UNION ALL
SELECT user_id, started, ended
FROM events MATCH_RECOGNIZE (
    PARTITION BY user_id ORDER BY ts
    MEASURES A.ts AS started, C.ts AS ended
    ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
    PATTERN (A B C) WITHIN INTERVAL '1' MINUTE
    DEFINE A AS A.category = 'fashion', B AS B.category = 'fashion', C AS C.category = 'home'
)
UNION ALL
SELECT user_id, started, ended
FROM events MATCH_RECOGNIZE (
    PARTITION BY user_id ORDER BY ts
    MEASURES A.ts AS started, C.ts AS ended
    ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
    PATTERN (A B C) WITHIN INTERVAL '1' MINUTE
    DEFINE A AS A.category = 'toys', B AS B.category = 'toys', C AS C.category = 'toys'
)
UNION ALL
SELECT user_id, started, ended
FROM events MATCH_RECOGNIZE (
    PARTITION BY user_id ORDER BY ts
    MEASURES A.ts AS started, C.ts AS ended
    ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
    PATTERN (A B C) WITHIN INTERVAL '1' MINUTE
    DEFINE A AS A.category = 'electronics', B AS B.category = 'electronics', C AS C.category IS NULL
)
UNION ALL
SELECT user_id, started, ended
FROM events MATCH_RECOGNIZE (
    PARTITION BY user_id ORDER BY ts
    MEASURES A.ts AS started, C.ts AS ended
    ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
    PATTERN (A B C) WITHIN INTERVAL '1' MINUTE
    DEFINE A AS A.category = 'garden', B AS B.category = 'beauty', C AS C.category = 'sports'
)
