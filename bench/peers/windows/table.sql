CREATE TABLE events (
    user_id  STRING NOT NULL,
    category STRING,
    ts       TIMESTAMP(3) NOT NULL,
    WATERMARK FOR ts AS ts - INTERVAL '2' SECOND
)
