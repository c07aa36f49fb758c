-- Deliveries by channel and fallbacks by reason, hour by hour, from an export of the journal.
SELECT date_trunc('hour', time) AS hour,
       CASE type WHEN 'goniec.message.delivered.v1' THEN 'delivered on ' || (data ->> 'channel')
                 ELSE 'fell back: ' || (data ->> 'reason') END AS what,
       count(*) AS messages
FROM 'export/messages-*.parquet'
WHERE type IN ('goniec.message.delivered.v1', 'goniec.message.fell_back.v1')
GROUP BY ALL
ORDER BY ALL
