SELECT user_id, started, ended
FROM events MATCH_RECOGNIZE (
    PARTITION BY user_id ORDER BY ts
    MEASURES A.ts AS started, C.ts AS ended
    ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
    PATTERN (A B C) WITHIN INTERVAL '1' MINUTE
    DEFINE A AS A.category = 'books', B AS B.category = 'books', C AS C.category IS NULL
)
