# The image of every Airflow service. The base brings the pinned Airflow; requirements.txt pins the rest.
FROM apache/airflow:3.3.2-python3.12

USER root
COPY packages.txt /tmp/packages.txt
RUN apt-get update \
    && xargs --no-run-if-empty --arg-file=/tmp/packages.txt apt-get install -y --no-install-recommends \
    && apt-get clean && rm -rf /var/lib/apt/lists/* /tmp/packages.txt

USER airflow
COPY requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --requirement /tmp/requirements.txt

ENV PYTHONPATH=/opt/airflow \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL=1
COPY --chown=airflow:root include /opt/airflow/include
COPY --chown=airflow:root plugins /opt/airflow/plugins
COPY --chown=airflow:root config/airflow_local_settings.py /opt/airflow/config/airflow_local_settings.py
COPY --chown=airflow:root dags /opt/airflow/dags
