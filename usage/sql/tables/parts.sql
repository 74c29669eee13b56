-- Parts of tokens_in and tokens_out, as units.py describes them. Null is none: a column that is null takes no room, and
-- most calls have none of these. Without checks, which would read every event under the table's lock.
ALTER TABLE usage_event
    ADD COLUMN cache_read_tokens bigint,
    ADD COLUMN cache_write_tokens bigint,
    ADD COLUMN cache_write_1h_tokens bigint,
    ADD COLUMN reasoning_tokens bigint,
    ADD COLUMN audio_tokens_in bigint,
    ADD COLUMN audio_tokens_out bigint;
COMMENT ON COLUMN usage_event.tokens_in IS
    'The whole prompt: cache_read_tokens, cache_write_tokens, cache_write_1h_tokens and audio_tokens_in are in it.';
COMMENT ON COLUMN usage_event.tokens_out IS 'All that was generated: reasoning_tokens and audio_tokens_out are in it.';

ALTER TABLE usage_rollup_minute
    ADD COLUMN cache_read_tokens bigint, ADD COLUMN cache_write_tokens bigint, ADD COLUMN cache_write_1h_tokens bigint,
    ADD COLUMN reasoning_tokens bigint, ADD COLUMN audio_tokens_in bigint, ADD COLUMN audio_tokens_out bigint;
ALTER TABLE usage_rollup_hour
    ADD COLUMN cache_read_tokens bigint, ADD COLUMN cache_write_tokens bigint, ADD COLUMN cache_write_1h_tokens bigint,
    ADD COLUMN reasoning_tokens bigint, ADD COLUMN audio_tokens_in bigint, ADD COLUMN audio_tokens_out bigint;
ALTER TABLE usage_rollup_day
    ADD COLUMN cache_read_tokens bigint, ADD COLUMN cache_write_tokens bigint, ADD COLUMN cache_write_1h_tokens bigint,
    ADD COLUMN reasoning_tokens bigint, ADD COLUMN audio_tokens_in bigint, ADD COLUMN audio_tokens_out bigint;
