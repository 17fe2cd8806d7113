-- Clickstream arrives as newline-delimited JSON; the raw document is kept whole.
COPY INTO raw.events.clickstream (event_id, received_at, payload, file_name)
FROM (
    SELECT
        $1:id::VARCHAR,
        $1:ts::TIMESTAMP_NTZ,
        $1,
        METADATA$FILENAME
    FROM @raw.events.landing_stage/clicks/
)
FILE_FORMAT = (TYPE = 'JSON')
ON_ERROR = 'SKIP_FILE';
