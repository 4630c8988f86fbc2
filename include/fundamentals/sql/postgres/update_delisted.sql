-- Grain: a symbol that was active and is listed no more. It is kept, with the day on which it was missed.
-- Inputs: symbols. Bind: listed (text[]), exchanges (text[]), day.
UPDATE symbols
SET is_active = false, delisted_at = %(day)s, updated_at = now()
WHERE is_active AND exchange = ANY(%(exchanges)s::text[]) AND NOT symbol = ANY(%(listed)s::text[])
