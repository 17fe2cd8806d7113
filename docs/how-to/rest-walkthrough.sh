#!/bin/sh
# From a token to a CSV file and a picture, with nothing but curl and POSIX tools.
# USER_ID and SECRET_KEY name the account; SERVER is where the API is.
set -eu
# --8<-- [start:begin]
SERVER=${SERVER:-http://127.0.0.1:8165/gspLive_backend}

# The value of a text member of JSON on standard input.
member() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }

# Call an operation. What is secret reaches curl on its standard input: arguments show in process lists.
api() {
  operation=$1
  shift
  printf 'header = "Authorization: Bearer %s"\n' "$TOKEN" |
    curl --silent --show-error --fail-with-body --config - "$@" "$SERVER$operation"
}
# --8<-- [end:begin]

# --8<-- [start:token]
TOKEN=$(
  printf 'data-urlencode = "userId=%s"\ndata-urlencode = "secretKey=%s"\n' "$USER_ID" "$SECRET_KEY" |
    curl --silent --show-error --fail-with-body --config - "$SERVER/user/generateToken" | member token
)
# --8<-- [end:token]

# --8<-- [start:submit]
JOB=$(
  api /sqlflow/job/submitUserJob --form-string jobName=shop --form-string dbvendor=dbvpostgresql \
    --form sqlfiles=@shop/revenue.sql | member jobId
)
# --8<-- [end:submit]

# --8<-- [start:wait]
while :; do
  SUMMARY=$(api /sqlflow/job/displayUserJobSummary --data "jobId=$JOB")
  case $(echo "$SUMMARY" | member status) in
    success | partial_success) break ;;
    fail | delete) echo "$SUMMARY" >&2 && exit 1 ;;
  esac
  sleep 1
done
# --8<-- [end:wait]

# --8<-- [start:export]
api /sqlflow/job/exportFullLineageAsCsv --data "jobId=$JOB" --output lineage.csv
api /sqlflow/generation/sqlflow/graph/image --data "jobId=$JOB" --header 'Accept: image/svg+xml' \
  --output lineage.svg
# --8<-- [end:export]
