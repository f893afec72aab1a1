//! What wakes the event processor, where its failures go, and who is told.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::stack_template::{Resource, Template, values};

const APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../app/src");

#[test]
fn rules_reach_their_target_and_lose_nothing() {
    let template = Template::main();
    let rules = template.of_kind("AWS::Events::Rule");
    assert_eq!(rules.len(), 2);
    for rule in rules {
        let arn = json!({"Fn::GetAtt": [rule.id, "Arn"]});
        for target in values(rule.property("Targets")) {
            let may_call = |permission: &Resource<'_>| {
                *permission.property("FunctionName") == target["Arn"]
                    && *permission.property("SourceArn") == arn
                    && *permission.property("Action") == json!("lambda:InvokeFunction")
            };
            let permissions = template.of_kind("AWS::Lambda::Permission");
            assert!(permissions.iter().any(may_call), "{}", rule.id);
            let queue = &target["DeadLetterConfig"]["Arn"];
            assert!(may_send(&template, queue, &arn), "{}", rule.id);
        }
    }
}

/// Whether a queue takes messages of a rule.
fn may_send(template: &Template, queue: &Value, rule: &Value) -> bool {
    let policies = template.of_kind("AWS::SQS::QueuePolicy");
    let mut statements = policies
        .iter()
        .flat_map(|policy| values(&policy.property("PolicyDocument")["Statement"]));
    statements.any(|statement| {
        statement["Action"] == json!("sqs:SendMessage")
            && statement["Principal"]["Service"] == json!("events.amazonaws.com")
            && statement["Resource"] == *queue
            && values(&statement["Condition"]["ArnEquals"]["aws:SourceArn"]).contains(&rule)
    })
}

#[test]
fn only_tasks_of_the_own_cluster_are_told_of() {
    let template = Template::main();
    let rule = template.resource("TaskChangesRule");
    let expected = json!({
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {"clusterArn": [{"Fn::GetAtt": ["Cluster", "Arn"]}]},
    });
    assert_eq!(*rule.property("EventPattern"), expected);
}

#[test]
fn everything_is_looked_after_each_minute() {
    let template = Template::main();
    let rule = template.resource("ReconcileRule");
    assert_eq!(
        *rule.property("ScheduleExpression"),
        json!("rate(1 minute)")
    );
    let input = rule.property("Targets")[0]["Input"].as_str().unwrap();
    let input: Value = serde_json::from_str(input).unwrap();
    assert_eq!(input, json!({"reconcile": true}));
}

#[test]
fn what_fails_three_times_is_kept() {
    let template = Template::main();
    let config = template.resource("EventProcessorInvocations");
    assert_eq!(
        *config.property("FunctionName"),
        json!({"Ref": "EventProcessorFunction"})
    );
    assert_eq!(*config.property("MaximumRetryAttempts"), json!(2));
    let queue = &config.property("DestinationConfig")["OnFailure"]["Destination"];
    assert_eq!(*queue, json!({"Fn::GetAtt": ["ErrorsQueue", "Arn"]}));
    let role = template.resource("EventProcessorRole");
    let statements = values(&role.property("Policies")[0]["PolicyDocument"]["Statement"]);
    let may_send = |statement: &&Value| {
        statement["Action"] == json!("sqs:SendMessage") && statement["Resource"] == *queue
    };
    assert!(statements.iter().any(may_send));
}

/// What an alarm watches: the metric, and the resource that it is of.
fn watched(template: &Template) -> BTreeSet<(String, String)> {
    let alarms = template.of_kind("AWS::CloudWatch::Alarm").into_iter();
    alarms
        .map(|alarm| {
            let metric = alarm.property("MetricName").as_str().unwrap().to_owned();
            let of = &alarm.property("Dimensions")[0]["Value"];
            let of = of["Ref"].as_str().or(of["Fn::GetAtt"][0].as_str());
            (metric, of.unwrap_or_default().to_owned())
        })
        .collect()
}

#[test]
fn every_function_and_queue_is_watched() {
    let template = Template::main();
    let mut expected = BTreeSet::new();
    for function in template.of_kind("AWS::Lambda::Function") {
        expected.insert(("Errors".to_owned(), function.id.to_owned()));
        expected.insert(("Throttles".to_owned(), function.id.to_owned()));
    }
    for queue in template.of_kind("AWS::SQS::Queue") {
        expected.insert((
            "ApproximateNumberOfMessagesVisible".to_owned(),
            queue.id.to_owned(),
        ));
    }
    expected.insert(("Unreachable".to_owned(), String::new()));
    expected.insert(("Reconciled".to_owned(), String::new()));
    assert_eq!(watched(&template), expected);
}

#[test]
fn every_alarm_tells_somebody() {
    let template = Template::main();
    for alarm in template.of_kind("AWS::CloudWatch::Alarm") {
        assert_eq!(
            *alarm.property("AlarmActions"),
            json!([{"Ref": "AlarmTopic"}]),
            "{}",
            alarm.id
        );
        assert!(
            alarm.property("AlarmDescription").is_string(),
            "{}",
            alarm.id
        );
        assert!(
            alarm.property("TreatMissingData").is_string(),
            "{}",
            alarm.id
        );
    }
    let subscription = template.resource("AlarmSubscription");
    assert_eq!(subscription.body["Condition"], json!("HasAlarmEmail"));
    assert_eq!(
        *subscription.property("TopicArn"),
        json!({"Ref": "AlarmTopic"})
    );
}

#[test]
fn silence_of_the_reconciler_is_an_alarm() {
    let template = Template::main();
    let alarm = template.resource("ReconcilerAlarm");
    assert_eq!(*alarm.property("TreatMissingData"), json!("breaching"));
    assert_eq!(
        *alarm.property("ComparisonOperator"),
        json!("LessThanThreshold")
    );
    assert_eq!(*alarm.property("Threshold"), json!(1));
    let seconds = alarm.property("Period").as_i64().unwrap()
        * alarm.property("EvaluationPeriods").as_i64().unwrap();
    assert_eq!(seconds, 300);
}

#[test]
fn metrics_of_our_own_are_counted_from_logs() {
    let template = Template::main();
    let filters = template.of_kind("AWS::Logs::MetricFilter");
    let made: BTreeSet<String> = filters
        .iter()
        .map(|filter| {
            let metric = &filter.property("MetricTransformations")[0];
            format!("{} {}", metric["MetricNamespace"], metric["MetricName"])
        })
        .collect();
    let own = template.of_kind("AWS::CloudWatch::Alarm").into_iter();
    let own = own.filter(|alarm| alarm.property("Namespace").is_object());
    let watched: BTreeSet<String> = own
        .map(|alarm| {
            format!(
                "{} {}",
                alarm.property("Namespace"),
                alarm.property("MetricName")
            )
        })
        .collect();
    assert_eq!(made, watched);
    assert_eq!(made.len(), 2);
}

#[test]
fn the_words_that_alarm_are_words_that_are_logged() {
    let template = Template::main();
    let filter = template
        .resource("UnreachableFilter")
        .property("FilterPattern");
    let words = filter.as_str().unwrap().split('"').nth(1).unwrap();
    let files = std::fs::read_dir(APP)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut sources = files
        .filter(|path| path.is_file())
        .map(|path| std::fs::read_to_string(path).unwrap());
    let quoted = format!("\"{words}\"");
    assert!(
        sources.any(|source| source.contains(&quoted)),
        "nothing logs {quoted}"
    );
}
