-- What a shop or an exchange knows of a user, and a decision that reads it.
CREATE TABLE purchases (user_id BIGINT NOT NULL, amount DOUBLE NOT NULL, at TIMESTAMP(3) NOT NULL)
PARTITIONED BY (user_id);
CREATE TABLE questions (user_id BIGINT NOT NULL) PARTITIONED BY (user_id);
CREATE MATERIALIZED VIEW profiles AS
SELECT user_id, COUNT(*) AS purchases, SUM(amount) AS spent, MAX(amount) AS largest, MAX(at) AS last
FROM purchases GROUP BY user_id;
CREATE DECISION profile ON questions WITH ('deadline' = '1 s') AS
SELECT p.purchases AS purchases, p.spent AS spent, p.largest AS largest, p.last AS last
FROM questions AS q LEFT JOIN profiles AS p ON p.user_id = q.user_id
FALLBACK SELECT -1 AS purchases;
