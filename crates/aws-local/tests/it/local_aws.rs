//! The parts together.

use runvoy_aws_local::{LocalAws, Options};
use serde_json::json;

use crate::gateway::post;

#[tokio::test]
async fn one_address_answers_for_all_services() {
    let aws = LocalAws::start(Options::new("/bin/echo".into()))
        .await
        .unwrap();
    let host = aws.endpoint().strip_prefix("http://").unwrap();
    let calls = [
        (
            "dynamodb",
            "DynamoDB_20120810.ListTables",
            json!({}),
            200,
            "TableNames",
        ),
        (
            "ecs",
            "AmazonEC2ContainerServiceV20141113.CreateCluster",
            json!({ "clusterName": "p" }),
            200,
            "cluster/p",
        ),
        (
            "logs",
            "Logs_20140328.CreateLogGroup",
            json!({ "logGroupName": "/runvoy/p/tasks" }),
            200,
            "",
        ),
        (
            "ssm",
            "AmazonSSM.GetParameter",
            json!({ "Name": "/none" }),
            400,
            "ParameterNotFound",
        ),
        (
            "ecr",
            "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories",
            json!({ "repositoryNames": ["x"] }),
            400,
            "RepositoryNotFound",
        ),
    ];
    for (service, target, body, status, word) in calls {
        let answer = post(host, service, target, &body.to_string())
            .await
            .unwrap();
        assert_eq!(answer.0, status, "{target}: {}", answer.1);
        assert!(answer.1.contains(word), "{target}: {}", answer.1);
    }
    assert_eq!(aws.calls().all().len(), 5);
    aws.control().deny("AKIALOCALAPI", "dynamodb:ListTables");
    let (status, body) = post(host, "dynamodb", "DynamoDB_20120810.ListTables", "{}")
        .await
        .unwrap();
    assert_eq!(status, 400, "{body}");
    assert!(body.contains("AccessDenied"), "{body}");
}
