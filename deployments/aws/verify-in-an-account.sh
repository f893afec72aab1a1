#!/usr/bin/env bash
# Proves in an AWS account what no test can prove without one, and leaves the account as it was.
#
# usage: verify-in-an-account.sh [--region REGION] [--artifacts DIR] [--yes] [--keep]
#
#   --artifacts DIR  deploy what lies in DIR instead of the build or the release that runvoy finds by itself
#   --yes            do not ask
#   --keep           leave a deployment that failed, to look at it
#
# Needs runvoy (built with the feature infra), the AWS CLI version 2, curl, and credentials that may do what
# admin-policy.json lists and, beyond that, make a role, assume it (not the root user's) and read logs: use an account in
# which nothing else matters.
# Everything is deployed under a role that has admin-policy.json alone, as a project of a random name.
# It waits for tasks and alarms, so it takes long; it costs what its runs cost.
#
# Further lines are proved where these name subnets and security groups, separated by commas:
#   VERIFY_PRIVATE_SUBNETS   subnets behind NAT, for commands
#   VERIFY_LAMBDA_SUBNETS    subnets that reach the APIs of AWS, for the functions
#   VERIFY_SECURITY_GROUPS   security groups of the same VPC that let everything out, for both
#
# The last thing printed is a table, a line for each thing that was to be proved. The exit code is 0 if all of them were.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-}}
artifacts=()
asks=true
keeps=false
while [ $# -gt 0 ]; do
  case $1 in
    --region) region=${2:?--region needs a value}; shift 2 ;;
    --artifacts) artifacts=(--artifacts "${2:?--artifacts needs a value}"); shift 2 ;;
    --yes) asks=false; shift ;;
    --keep) keeps=true; shift ;;
    *) sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
for program in runvoy aws curl; do
  command -v "$program" >/dev/null || { echo "error: $program is not there" >&2; exit 2; }
done
[ -n "$region" ] || { echo "error: no region; name one:  --region eu-west-2" >&2; exit 2; }
export AWS_REGION=$region AWS_DEFAULT_REGION=$region AWS_PAGER=""
unset RUNVOY_ENDPOINT RUNVOY_API_KEY RUNVOY_CONTEXT RUNVOY_ADMIN_EMAIL

account=$(aws sts get-caller-identity --query Account --output text)
if $asks; then
  read -r -p "Deploy to account $account in $region, try everything, and delete it again? [y/N] " answer
  case $answer in y | yes) ;; *) exit 1 ;; esac
fi

random=$(od -An -N4 -tx1 /dev/urandom | tr -d ' \n')
project="verify$random"
marker="marker-$random-of-a-command"
secret="secret-$random-of-a-command"
email="verify@example.com"
s3_policy=arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess
deployer="deploys-$project"
work=$(mktemp -d)
export RUNVOY_CONFIG=$work/config.yaml
echo "account $account, region $region, project $project"

# ---- The table.

names=()
verdicts=()
remarks=()
failed=0
last_code=0

note() { # VERDICT NAME REMARK
  verdicts+=("$1"); names+=("$2"); remarks+=("$3")
  printf '%-8s %s  %s\n' "$1" "$2" "$3"
  [ "$1" != failed ] || failed=$((failed + 1))
}

check() { # NAME FUNCTION: runs it apart, and notes the last line that it printed
  local name=$1 log
  log="$work/$(echo "$1" | tr -c 'a-z0-9\n' '-').log"
  echo "== $name"
  # In a condition the shell would go on after a command that fails.
  set +e
  (set -euo pipefail; "$2") >"$log" 2>&1
  last_code=$?
  set -e
  if [ "$last_code" = 0 ]; then
    note proved "$name" "$(tail -n 1 "$log" | cut -c1-90)"
  else
    note failed "$name" "$(tail -n 1 "$log" | cut -c1-90)"
    tail -n 30 "$log" | sed 's/^/    /'
  fi
}

skip() { note skipped "$1" "$2"; }

table() {
  printf '\n%-20s %-8s %s\n' "what" "verdict" "last words"
  local i
  for i in "${!names[@]}"; do
    printf '%-20s %-8s %s\n' "${names[$i]}" "${verdicts[$i]}" "${remarks[$i]}"
  done
}

# ---- Tools.

fail() { echo "$*"; return 1; }

until_true() { # SECONDS COMMAND...: tries every five seconds
  local until=$((SECONDS + $1)); shift
  until "$@"; do
    [ $SECONDS -lt $until ] || return 1
    sleep 5
  done
}

exits() { # CODE COMMAND...: must exit so
  local wanted=$1 code=0; shift
  "$@" || code=$?
  [ "$code" = "$wanted" ] || fail "exit code $code instead of $wanted: $*"
}

as_deployer() { # COMMAND...: with nothing but admin-policy.json
  AWS_ACCESS_KEY_ID=$deployer_id AWS_SECRET_ACCESS_KEY=$deployer_secret AWS_SESSION_TOKEN=$deployer_token \
    env -u AWS_PROFILE "$@"
}

apply() { # OPTIONS...
  as_deployer runvoy infra apply --yes --project "$project" --region "$region" \
    ${artifacts[@]+"${artifacts[@]}"} "$@"
}

field() { # ID NAME: of an execution
  runvoy status "$1" -o json | sed -n "s/^ *\"$2\": *\"\{0,1\}\(.*[^\",]\)\"\{0,1\},\{0,1\}\$/\1/p"
}

has_status() { [ "$(field "$1" status)" = "$2" ]; }
is_over() { case $(field "$1" status) in SUCCEEDED | FAILED | STOPPED) ;; *) return 1 ;; esac; }
is_final() { [ -n "$(field "$1" cost_usd)" ] && [ "$(field "$1" cost_is_estimate)" != true ]; }
stack_output() { # NAME
  aws cloudformation describe-stacks --stack-name "$project" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

# The key stays the same; the address is new with every stack.
reach_it() {
  RUNVOY_ENDPOINT=$(stack_output ApiUrl)
  RUNVOY_ENDPOINT=${RUNVOY_ENDPOINT%/}
  export RUNVOY_ENDPOINT
  if [ -z "${RUNVOY_API_KEY:-}" ]; then
    RUNVOY_API_KEY=$(sed -n 's/^api_key: *["'\'']\{0,1\}\([^"'\'' ]*\).*/\1/p' "$RUNVOY_CONFIG" | head -n 1)
    export RUNVOY_API_KEY
  fi
}

tasks_in() { # running or stopped
  aws ecs list-tasks --cluster "$project" --desired-status "$1" --query 'taskArns' --output text | tr '\t' '\n' | grep -v '^None$' || true
}

metric() { # RULE METRIC: how often, in the last hour
  aws cloudwatch get-metric-statistics --namespace AWS/Events --metric-name "$2" \
    --dimensions "Name=RuleName,Value=$1" --statistics Sum --period 3600 \
    --start-time "$(date -u -d '-1 hour' +%FT%TZ 2>/dev/null || date -u -v-1H +%FT%TZ)" --end-time "$(date -u +%FT%TZ)" \
    --query 'sum(Datapoints[].Sum)' --output text
}

is_more_than_nothing() { case $1 in "" | None | 0 | 0.0) return 1 ;; esac; }
rule_works() { is_more_than_nothing "$(metric "$1" Invocations)"; }
alarm_is() { # NAME STATE
  [ "$(aws cloudwatch describe-alarms --alarm-names "$project-$1" --query 'MetricAlarms[0].StateValue' --output text)" = "$2" ]
}
queue_url() { aws sqs get-queue-url --queue-name "$project-$1" --query QueueUrl --output text; }
messages() {
  aws sqs get-queue-attributes --queue-url "$(queue_url "$1")" \
    --attribute-names ApproximateNumberOfMessages --query 'Attributes.ApproximateNumberOfMessages' --output text
}
has_messages() { [ "$(messages "$1")" -gt 0 ]; }

# ---- The role that deploys, and its end.

make_deployer() {
  aws iam create-role --role-name "$deployer" --assume-role-policy-document "{
    \"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"sts:AssumeRole\",
    \"Principal\": {\"AWS\": \"arn:aws:iam::$account:root\"}}]}" >/dev/null
  sed -e "s/ACCOUNT/$account/g; s/PROJECT/$project/g; s|TASK_ROLE_POLICY_ARN|$s3_policy|" \
    "$here/admin-policy.json" >"$work/policy.json"
  # A policy of its own, as an admin would make it: an inline one may be longer, and would prove less.
  aws iam create-policy --policy-name "$deployer" --policy-document "file://$work/policy.json" >/dev/null
  aws iam attach-role-policy --role-name "$deployer" --policy-arn "arn:aws:iam::$account:policy/$deployer"
}

assume_deployer() {
  local answer
  answer=$(aws sts assume-role --role-arn "arn:aws:iam::$account:role/$deployer" --role-session-name verify \
    --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text 2>/dev/null) || return 1
  read -r deployer_id deployer_secret deployer_token <<<"$answer"
}

remove_deployer() {
  aws iam detach-role-policy --role-name "$deployer" --policy-arn "arn:aws:iam::$account:policy/$deployer" 2>/dev/null || true
  aws iam delete-policy --policy-arn "arn:aws:iam::$account:policy/$deployer" 2>/dev/null || true
  aws iam delete-role --role-name "$deployer" 2>/dev/null || true
}

is_cleaned=false
finish() {
  local code=$?
  trap - EXIT INT TERM
  if ! $is_cleaned && [ -n "${deployer_id:-}" ]; then
    if $keeps; then
      echo "kept: runvoy infra destroy --delete-data --yes --confirm $project --project $project --region $region" >&2
      echo "kept: the role and the policy $deployer" >&2
    else
      echo "== cleaning up"
      assume_deployer || true
      as_deployer runvoy infra destroy --delete-data --yes --confirm "$project" --project "$project" --region "$region" || {
        echo "error: it could not be cleaned up; type:" >&2
        echo "  runvoy infra destroy --delete-data --yes --confirm $project --project $project --region $region" >&2
        failed=$((failed + 1))
      }
    fi
  fi
  if ! $keeps || $is_cleaned; then
    remove_deployer
  fi
  table
  rm -rf "$work"
  if [ "$code" != 0 ] || [ "$failed" != 0 ]; then
    echo "$failed of ${#names[@]} failed"
    exit 1
  fi
  echo "all that was tried is proved"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- What is to be proved.

deploy() {
  apply --admin-email "$email" --parameter "TaskRolePolicyArns=$s3_policy" -o json
  echo "deployed"
}

no_change() {
  apply -o json | tee "$work/again.json"
  grep -q '"changed": *false' "$work/again.json" || fail "something changed though nothing was to"
  echo "nothing changes"
}

function_url() {
  runvoy health
  local code
  code=$(curl -sS -o /dev/null -w '%{http_code}' "$RUNVOY_ENDPOINT/api/v1/executions")
  [ "$code" = 401 ] || fail "without a key the answer is $code"
  code=$(curl -sS -o /dev/null -w '%{http_code}' "$(stack_output AgentUrl)")
  case $code in 404 | 401) ;; *) fail "the agents' address answers $code" ;; esac
  echo "it answers, and 401 without a key"
}

first_run() {
  local out code=0
  out=$(SEEN="$secret" runvoy run --quiet --secret-env SEEN "echo $marker; echo \"\$SEEN\"; uname -m; exit 7") || code=$?
  echo "$out"
  [ "$code" = 7 ] || fail "exit code $code instead of 7"
  [ "$out" = "$marker"$'\n''***'$'\n''aarch64' ] || fail "other output than was to be"
  echo "output, masking, arm64 and exit code 7"
}

second_run() {
  exits 0 runvoy run "true"
  local families revisions
  # A family for each image; a second revision would have been registered in vain.
  families=$(aws ecs list-task-definition-families --family-prefix "$project-" --status ACTIVE --query 'length(families)' --output json)
  revisions=$(aws ecs list-task-definitions --status ACTIVE --query "length(taskDefinitionArns[?contains(@, '/$project-')])" --output json)
  if [ "$families" = 0 ] || [ "$families" != "$revisions" ]; then
    fail "$families families with $revisions revisions"
  fi
  echo "the definition was found again"
}

task_role() {
  exits 0 runvoy run "aws s3 ls >/dev/null && aws sts get-caller-identity --query Arn --output text"
  local code=0
  runvoy run "aws iam list-users >/dev/null" || code=$?
  [ "$code" != 0 ] || fail "the command may list users, which its role may not"
  echo "aws s3 ls works, aws iam list-users does not"
}

exit_codes() {
  exits 0 runvoy run "exit 0"
  exits 124 runvoy run --timeout 5s "sleep 60"
  exits 127 runvoy run -- no-such-program
  # shellcheck disable=SC2016 # the remote shell's process
  exits 143 runvoy run 'kill -TERM $$'
  echo "0, 124, 127 and 143"
}

kill_it() {
  local id
  id=$(runvoy run --detach "sleep 900")
  until_true 300 has_status "$id" RUNNING || fail "it does not run after five minutes"
  runvoy kill "$id" --wait
  exits 130 runvoy wait "$id"
  echo "130"
}

nothing_runs() { [ -z "$(tasks_in RUNNING)" ]; }

stop_before_start() {
  local id
  id=$(runvoy run --detach "sleep 900")
  runvoy kill "$id" --wait
  exits 130 runvoy wait "$id"
  until_true 300 nothing_runs || fail "its task runs on"
  echo "its task was stopped"
}

stopped_outside() {
  local id task
  id=$(runvoy run --detach "sleep 900")
  until_true 300 has_status "$id" RUNNING || fail "it does not run after five minutes"
  for task in $(tasks_in RUNNING); do
    aws ecs stop-task --cluster "$project" --task "$task" --reason "verify" --query 'task.stopCode'
  done
  until_true 300 is_over "$id" || fail "it is not over after five minutes"
  ! has_status "$id" SUCCEEDED || fail "it counts as succeeded"
  echo "it ended as $(field "$id" reason)"
}

memory() {
  # shellcheck disable=SC2016 # the remote shell's variable
  exits 137 runvoy run --memory 512 'a=x; while :; do a=$a$a; done'
  echo "137"
}

printed() { runvoy logs --raw --stream stdout "$1"; }

lock() {
  local one two
  one=$(runvoy run --detach --lock verify "sleep 20; date +%s")
  two=$(runvoy run --detach --lock verify "date +%s")
  has_status "$two" QUEUED || fail "the second does not wait"
  exits 0 runvoy wait "$one" "$two"
  [ "$(printed "$one")" -le "$(printed "$two")" ] || fail "the second ran before the first had ended"
  echo "the second ran after the first"
}

cost() {
  local id
  id=$(runvoy list -q --status SUCCEEDED --limit 1)
  until_true 300 is_final "$id" || fail "the cost of $id is no final one"
  echo "final: $(field "$id" cost_usd)"
}

events() {
  until_true 900 rule_works "$project-task-changes" || fail "no event of a task was delivered"
  until_true 900 rule_works "$project-reconcile" || fail "no tick was delivered"
  ! is_more_than_nothing "$(metric "$project-task-changes" FailedInvocations)" || fail "deliveries failed"
  [ "$(messages delivery-failures)" = 0 ] || fail "there are messages in the queue of failed deliveries"
  echo "both rules deliver"
}

no_image() { # of the run that was started first
  exits 125 runvoy wait "$unpullable" --timeout 20m
  local words
  words=$(field "$unpullable" message)
  case $words in *Cannot*) echo "$words" ;; *) fail "its words are: $words" ;; esac
}

secrecy() {
  local group tasks found
  tasks=$(tasks_in STOPPED | head -n 90)
  [ -n "$tasks" ] || fail "ECS shows no stopped task"
  # shellcheck disable=SC2086 # a word for each task
  aws ecs describe-tasks --cluster "$project" --tasks $tasks --output json >"$work/tasks.json"
  aws ecs describe-task-definition --output json --task-definition \
    "$(aws ecs list-task-definitions --query "taskDefinitionArns[?contains(@, '/$project-')] | [0]" --output text)" >>"$work/tasks.json"
  ! grep -qe "$marker" -e "$secret" "$work/tasks.json" || fail "ECS shows the command or its secret"
  for group in "/aws/lambda/$project-api" "/aws/lambda/$project-agent" "/aws/lambda/$project-event-processor" "/runvoy/$project/tasks"; do
    found=$(aws logs filter-log-events --log-group-name "$group" --filter-pattern "\"$secret\"" --query 'length(events)' --output json)
    [ "$found" = 0 ] || fail "$group has the secret"
  done
  for group in api agent event-processor; do
    found=$(aws logs filter-log-events --log-group-name "/aws/lambda/$project-$group" --filter-pattern "\"$marker\"" --query 'length(events)' --output json)
    [ "$found" = 0 ] || fail "the log of $group has the command"
  done
  echo "neither ECS nor a log has them"
}

denied() { # ROLE ACTION RESOURCE
  local role decision
  role=$(aws cloudformation describe-stack-resource --stack-name "$project" --logical-resource-id "$1" \
    --query 'StackResourceDetail.PhysicalResourceId' --output text)
  decision=$(aws iam simulate-principal-policy --policy-source-arn "arn:aws:iam::$account:role/$role" \
    --action-names "$2" --resource-arns "$3" --query 'EvaluationResults[0].EvalDecision' --output text)
  [ "$decision" = implicitDeny ] || fail "$1 may $2 on $3: $decision"
}

roles() {
  local here="$region:$account" table
  denied AgentRole ecs:RunTask "arn:aws:ecs:$here:task-definition/$project-0:1"
  denied AgentRole ecs:StopTask "arn:aws:ecs:$here:task/$project/0"
  denied AgentRole iam:PassRole "$(stack_output DefaultTaskRoleArn)"
  for table in users api-keys claims idempotency; do
    denied AgentRole dynamodb:GetItem "arn:aws:dynamodb:$here:table/$project-$table"
  done
  denied EventProcessorRole dynamodb:GetItem "arn:aws:dynamodb:$here:table/$project-users"
  denied ApiRole dynamodb:Scan "arn:aws:dynamodb:$here:table/$project-executions"
  denied ApiRole dynamodb:GetItem "arn:aws:dynamodb:$here:table/${project}2-executions"
  denied ApiRole ssm:GetParameter "arn:aws:ssm:$here:parameter/runvoy/${project}2/stack-key"
  echo "what they may not do they may not do"
}

alarms() {
  until_true 900 alarm_is reconciler-silent OK || fail "the ticks are not counted"
  local alarm
  for alarm in api-errors agent-errors event-processor-errors delivery-failures unreachable; do
    alarm_is "$alarm" OK || alarm_is "$alarm" INSUFFICIENT_DATA || fail "$alarm is in alarm"
  done
  echo "the ticks are counted, and no alarm is on"
}

filters() {
  local words found pattern
  for words in "reconciled" "nobody can say whether this execution still runs"; do
    pattern="{ \$.fields.message = \"$words\" }"
    found=$(aws logs describe-metric-filters --log-group-name "/aws/lambda/$project-event-processor" --output json)
    grep -qF "$words" <<<"$found" || fail "no filter listens to: $words"
    found=$(aws logs test-metric-filter --filter-pattern "$pattern" \
      --log-event-messages "{\"level\":\"ERROR\",\"fields\":{\"message\":\"$words\"}}" --query 'length(matches)' --output json)
    [ "$found" = 1 ] || fail "the filter does not see: $words"
  done
  found=$(aws logs filter-log-events --log-group-name "/aws/lambda/$project-event-processor" --max-items 1 \
    --filter-pattern '{ $.fields.message = "reconciled" }' --query 'length(events)' --output json)
  [ "$found" = 1 ] || fail "no tick is in the log"
  echo "the words are seen"
}

errors_queue() {
  as_deployer aws lambda invoke --function-name "$project-event-processor" --invocation-type Event \
    --cli-binary-format raw-in-base64-out --payload '{}' "$work/invoked"
  until_true 600 has_messages errors || fail "no message came"
  until_true 600 alarm_is errors ALARM || fail "its alarm stays quiet"
  as_deployer aws sqs purge-queue --queue-url "$(queue_url errors)"
  echo "a message and an alarm"
}

lifecycle() {
  # Harsher than the real policy, which waits for a week: all but one of what no tag names.
  aws ecr start-lifecycle-policy-preview --repository-name "$project-agent" --lifecycle-policy-text \
    '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}' >/dev/null
  aws ecr wait lifecycle-policy-preview-complete --repository-name "$project-agent"
  local doomed
  doomed=$(aws ecr get-lifecycle-policy-preview --repository-name "$project-agent" --query 'length(previewResults)' --output json)
  [ "$doomed" = 0 ] || fail "$doomed of the agent's images would expire"
  echo "what the index names is spared"
}

spot_and_x86() {
  apply --parameter UseSpot=true --parameter Architecture=X86_64
  [ "$(runvoy run --quiet "uname -m")" = x86_64 ] || fail "it does not run on x86-64"
  apply --parameter UseSpot=false --parameter Architecture=ARM64
  echo "x86_64 on Spot"
}

in_private_subnets() {
  apply --parameter "SubnetIds=$VERIFY_PRIVATE_SUBNETS" --parameter "SecurityGroupIds=$VERIFY_SECURITY_GROUPS" \
    --parameter AssignPublicIp=DISABLED
  exits 0 runvoy run "true"
  echo "it runs"
}

functions_in_a_vpc() {
  apply --parameter "LambdaSubnetIds=$VERIFY_LAMBDA_SUBNETS" --parameter "LambdaSecurityGroupIds=$VERIFY_SECURITY_GROUPS"
  exits 0 runvoy run "true"
  apply --parameter LambdaSubnetIds= --parameter LambdaSecurityGroupIds=
  echo "they work there"
}

adopt() {
  local before after
  before=$(runvoy list -q --limit 1)
  as_deployer runvoy infra destroy --yes --project "$project" --region "$region"
  aws dynamodb describe-table --table-name "$project-executions" --query 'Table.TableStatus'
  apply
  reach_it
  after=$(runvoy list -q --limit 1)
  [ "$before" = "$after" ] || fail "the records are others: $before, $after"
  exits 0 runvoy run "true"
  echo "records and keys are what they were"
}

delete_everything() {
  as_deployer runvoy infra destroy --delete-data --yes --confirm "$project" --project "$project" --region "$region"
  echo "deleted"
}

nothing_left() {
  local left
  left=$(
    aws cloudformation list-stacks --output text \
      --query "StackSummaries[?(StackName=='$project'||StackName=='$project-bootstrap')&&StackStatus!='DELETE_COMPLETE'].StackName"
    aws dynamodb list-tables --query "TableNames[?starts_with(@, '$project-')]" --output text
    aws logs describe-log-groups --log-group-name-prefix "/aws/lambda/$project-" --query 'logGroups[].logGroupName' --output text
    aws logs describe-log-groups --log-group-name-prefix "/runvoy/$project/" --query 'logGroups[].logGroupName' --output text
    aws ssm describe-parameters --parameter-filters "Key=Name,Option=BeginsWith,Values=/runvoy/$project/" --query 'Parameters[].Name' --output text
    aws s3api list-buckets --query "Buckets[?starts_with(Name, '$project-')].Name" --output text
    aws ecr describe-repositories --query "repositories[?starts_with(repositoryName, '$project-')].repositoryName" --output text
    aws iam list-roles --query "Roles[?starts_with(RoleName, '$project-')].RoleName" --output text
    aws lambda list-functions --query "Functions[?starts_with(FunctionName, '$project-')].FunctionName" --output text
    aws ecs list-task-definition-families --family-prefix "$project-" --status ACTIVE --query families --output text
    aws ec2 describe-vpcs --filters "Name=tag:runvoy:project,Values=$project" --query 'Vpcs[].VpcId' --output text
  )
  left=$(tr -s '[:space:]' '\n' <<<"$left" | grep -v -e '^$' -e '^None$' || true)
  [ -z "$left" ] || fail "left: $(tr '\n' ' ' <<<"$left")"
  echo "nothing"
}

# ---- One after the other.

check "admin policy" make_deployer
[ "$failed" = 0 ] || exit 1
until_true 120 assume_deployer || { note failed "admin policy" "its role cannot be assumed"; exit 1; }
until_true 120 as_deployer aws ecs list-task-definitions --output json >/dev/null 2>&1 || { note failed "admin policy" "it does not take effect"; exit 1; }

check "deploy" deploy
[ "$failed" = 0 ] || exit 1
reach_it
check "no change" no_change
check "function url" function_url
# Takes a while to fail, beside the rest.
unpullable=$(runvoy run --detach --image public.ecr.aws/docker/library/no-such-image-of-runvoy:1 "true" || true)
check "first run" first_run
check "second run" second_run
check "task role" task_role
check "exit codes" exit_codes
check "kill" kill_it
check "no image" no_image
check "stop before start" stop_before_start
check "stopped outside" stopped_outside
check "memory" memory
check "lock" lock
check "cost" cost
check "events" events
check "secrecy" secrecy
check "roles" roles
check "alarms" alarms
check "filters" filters
check "lifecycle" lifecycle
check "errors queue" errors_queue
# The first session lasts an hour at most.
assume_deployer
check "spot and x86" spot_and_x86
if [ -n "${VERIFY_LAMBDA_SUBNETS:-}" ]; then
  check "functions in a vpc" functions_in_a_vpc
else
  skip "functions in a vpc" "VERIFY_LAMBDA_SUBNETS is not set"
fi
if [ -n "${VERIFY_PRIVATE_SUBNETS:-}" ]; then
  check "private subnets" in_private_subnets
else
  skip "private subnets" "VERIFY_PRIVATE_SUBNETS is not set"
fi
assume_deployer
check "adopt" adopt
assume_deployer
check "delete everything" delete_everything
[ "$last_code" != 0 ] || is_cleaned=true
check "nothing left" nothing_left
