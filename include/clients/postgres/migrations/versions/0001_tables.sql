-- The tables of docs/adr/0024. Prices and averages are double precision: docs/adr/0028.
-- Text has no length limit: PostgreSQL gains nothing by one.

-- One row a listed company.
CREATE TABLE symbols (
    symbol text PRIMARY KEY,
    name text,
    exchange text NOT NULL CHECK (exchange IN ('NASDAQ', 'NYSE', 'AMEX')),
    sector text,
    industry text,
    market_cap double precision,
    is_active boolean NOT NULL DEFAULT true,
    listed_at date,
    delisted_at date,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- One row a symbol and session. NaN is greater than every number in PostgreSQL, so `< 'infinity'` refuses it too.
CREATE TABLE daily_prices (
    symbol text NOT NULL,
    date date NOT NULL,
    open double precision CHECK (open > 0 AND open < 'infinity'),
    high double precision CHECK (high > 0 AND high < 'infinity'),
    low double precision CHECK (low > 0 AND low < 'infinity'),
    close double precision NOT NULL CHECK (close > 0 AND close < 'infinity'),
    volume bigint CHECK (volume >= 0),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (symbol, date)
) PARTITION BY RANGE (date);
-- what is newest over all symbols, and one session of all of them
CREATE INDEX daily_prices_date ON daily_prices (date);

-- One row a symbol and session; an average is null until the symbol has enough sessions.
CREATE TABLE daily_ma (
    symbol text NOT NULL,
    date date NOT NULL,
    ma_20 double precision,
    ma_50 double precision,
    ma_100 double precision,
    ma_200 double precision,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (symbol, date)
) PARTITION BY RANGE (date);
CREATE INDEX daily_ma_date ON daily_ma (date);

-- One row a symbol and day on which its ratios of the trailing twelve months were asked for.
CREATE TABLE ratios (
    symbol text NOT NULL,
    as_of date NOT NULL,
    gross_margin double precision,
    operating_margin double precision,
    net_margin double precision,
    current_ratio double precision,
    quick_ratio double precision,
    price_to_earnings double precision,
    price_to_earnings_growth double precision,
    price_to_book double precision,
    price_to_sales double precision,
    debt_to_equity double precision,
    dividend_yield double precision,
    payout_ratio double precision,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (symbol, as_of)
);

-- One row a try of a task, of every pipeline.
CREATE TABLE etl_executions (
    dag_id text NOT NULL,
    run_id text NOT NULL,
    task_id text NOT NULL,
    map_index integer NOT NULL DEFAULT -1,
    try_number integer NOT NULL DEFAULT 1,
    id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    job_name text NOT NULL,
    start_time timestamptz NOT NULL,
    end_time timestamptz,
    status text NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'skipped')),
    records_processed bigint NOT NULL DEFAULT 0,
    records_failed bigint NOT NULL DEFAULT 0,
    error_message text,
    metadata jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (dag_id, run_id, task_id, map_index, try_number)
);
CREATE INDEX etl_executions_job ON etl_executions (job_name, start_time DESC);
-- which DAGs a job runs in, and its newest run in each
CREATE INDEX etl_executions_job_dag ON etl_executions (job_name, dag_id, start_time DESC);
CREATE INDEX etl_executions_start ON etl_executions (start_time DESC);

-- One row a line of the log. The line goes with its execution.
CREATE TABLE etl_logs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    execution_id bigint REFERENCES etl_executions (id) ON DELETE CASCADE,
    job_name text NOT NULL,
    timestamp timestamptz NOT NULL DEFAULT now(),
    level text NOT NULL CHECK (level IN ('info', 'warn', 'error')),
    message text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX etl_logs_time ON etl_logs (timestamp DESC);
CREATE INDEX etl_logs_job ON etl_logs (job_name, timestamp DESC);
CREATE INDEX etl_logs_level ON etl_logs (level, timestamp DESC);
CREATE INDEX etl_logs_job_level ON etl_logs (job_name, level, timestamp DESC);
CREATE INDEX etl_logs_execution ON etl_logs (execution_id);

-- One row a job and measurement.
CREATE TABLE data_quality_metrics (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_name text NOT NULL,
    dag_id text NOT NULL,
    run_id text NOT NULL,
    measured_at timestamptz NOT NULL DEFAULT now(),
    total_records bigint NOT NULL,
    valid_records bigint NOT NULL,
    invalid_records bigint NOT NULL,
    missing_fields text[] NOT NULL DEFAULT '{}',
    duplicate_records bigint NOT NULL DEFAULT 0,
    data_freshness timestamptz
);
CREATE INDEX data_quality_metrics_job ON data_quality_metrics (job_name, measured_at DESC);
CREATE INDEX data_quality_metrics_run ON data_quality_metrics (dag_id, run_id);
