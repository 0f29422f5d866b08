-- UCI Online Retail: what a shop asks of its order lines. check.py computes the same with pandas.
CREATE TABLE purchases (
  InvoiceNo STRING NOT NULL,
  StockCode STRING NOT NULL,
  Quantity INT NOT NULL,
  InvoiceDate TIMESTAMP(3) NOT NULL,
  UnitPrice DECIMAL(10, 3) NOT NULL,
  CustomerID STRING,
  Country STRING NOT NULL,
  WATERMARK FOR InvoiceDate AS InvoiceDate
) PARTITIONED BY (InvoiceNo);

CREATE VIEW lines AS
SELECT *, Quantity * UnitPrice AS amount FROM purchases;

INSERT INTO revenue
SELECT window_start, Country, SUM(amount) AS revenue, COUNT(*) AS order_lines,
       COUNT(DISTINCT InvoiceNo) AS invoices
FROM TABLE(TUMBLE(TABLE lines, DESCRIPTOR(InvoiceDate), INTERVAL '1' DAY))
GROUP BY window_start, window_end, Country;

INSERT INTO top_products
SELECT window_start, StockCode, quantity, amount, place
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end
                               ORDER BY quantity DESC, StockCode ASC) AS place
  FROM (
    SELECT window_start, window_end, StockCode, SUM(Quantity) AS quantity, SUM(amount) AS amount
    FROM TABLE(TUMBLE(TABLE lines, DESCRIPTOR(InvoiceDate), INTERVAL '7' DAY))
    GROUP BY window_start, window_end, StockCode
  )
)
WHERE place <= 10;

CREATE MATERIALIZED VIEW returning_customers AS
SELECT CustomerID, COUNT(DISTINCT InvoiceNo) AS invoices, SUM(amount) AS amount,
       MIN(InvoiceDate) AS first_seen, MAX(InvoiceDate) AS last_seen
FROM lines
WHERE CustomerID IS NOT NULL AND InvoiceNo NOT LIKE 'C%'
GROUP BY CustomerID
HAVING COUNT(DISTINCT InvoiceNo) > 1;
