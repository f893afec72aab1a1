//! No statement reads more than its page: SQLite's own plans say so.

use runvoy_ports::{AuditQuery, Scope};

use crate::SqliteStore;
use crate::{audit, executions};

async fn plan(sql: &str) -> Vec<String> {
    let store = SqliteStore::in_memory().await.unwrap();
    let mut slot = store.connections.reader().await;
    let connection = store.connections.open(&mut slot).await.unwrap();
    let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(&format!("EXPLAIN QUERY PLAN {sql}"))
        .fetch_all(connection)
        .await
        .unwrap();
    rows.into_iter().map(|(_, _, _, step)| step).collect()
}

/// Asserts that every step that reads `table` searches an index, and names the `expected` ones among them.
async fn assert_searches(sql: &str, table: &str, expected: &[&str]) {
    let steps = plan(sql).await;
    let scan = steps
        .iter()
        .find(|step| step.contains(&format!("SCAN {table}")));
    assert_eq!(scan, None, "{sql}\n{steps:#?}");
    for index in expected {
        let step = steps.iter().find(|step| step.contains(index));
        assert!(step.is_some(), "{index} is not used by\n{sql}\n{steps:#?}");
    }
}

fn scopes() -> [(Scope, &'static str, &'static str); 3] {
    let user = Scope::User("alice@example.com".parse().unwrap());
    let lock = Scope::Lock("prod".parse().unwrap());
    [
        (
            Scope::All,
            "(id<?)",
            "executions_by_status (status=? AND id<?)",
        ),
        (
            user,
            "executions_by_user (user_email=? AND id<?)",
            "executions_by_user_and_status (user_email=? AND status=? AND id<?)",
        ),
        (
            lock,
            "executions_by_lock (lock_name=? AND id<?)",
            "executions_by_lock_and_status (lock_name=? AND status=? AND id<?)",
        ),
    ]
}

#[tokio::test]
async fn a_list_of_executions_reads_one_range_in_order() {
    for (scope, index, _) in scopes() {
        let sql = executions::list_sql(&scope, 0);
        assert_searches(&sql, "executions", &[index]).await;
        let steps = plan(&sql).await;
        assert_eq!(steps.len(), 1, "something is sorted: {steps:#?}");
    }
}

#[tokio::test]
async fn a_filtered_list_reads_one_range_a_status() {
    for (scope, _, index) in scopes() {
        for statuses in [1, 3, 7] {
            let sql = executions::list_sql(&scope, statuses);
            assert_searches(&sql, "executions", &[index]).await;
            let steps = plan(&sql).await;
            let ranges = steps.iter().filter(|step| step.contains(index)).count();
            assert_eq!(ranges, statuses, "{steps:#?}");
        }
    }
}

#[tokio::test]
async fn a_count_reads_nothing_but_an_index() {
    for (scope, _, index) in scopes() {
        let index = index.replace(" AND id<?", "");
        let sql = executions::count_sql(&scope, 4);
        let covered = format!("COVERING INDEX {index}");
        assert_searches(&sql, "executions", &[&covered]).await;
    }
}

#[tokio::test]
async fn open_executions_have_an_index_of_their_own() {
    assert_searches(
        executions::LIST_OPEN,
        "executions",
        &["executions_open (id>?)"],
    )
    .await;
}

#[tokio::test]
async fn a_page_of_the_trail_reads_ranges_whatever_the_filter() {
    let user = Some("alice@example.com".parse().unwrap());
    let execution = Some("0".repeat(32).parse().unwrap());
    let since = Some(jiff::Timestamp::UNIX_EPOCH);
    let all = AuditQuery::default();
    let of_user = AuditQuery {
        user,
        ..all.clone()
    };
    let of_execution = AuditQuery {
        execution: execution.clone(),
        ..all.clone()
    };
    let of_both = AuditQuery {
        execution,
        ..of_user.clone()
    };
    let two = [
        "audit_by_principal (principal_user=?",
        "audit_by_target (target_user=?",
    ];
    let cases: [(AuditQuery, &[&str]); 4] = [
        (all, &["(id<?)"]),
        (of_user, &two),
        (of_execution, &["audit_by_execution (execution=? AND id<?)"]),
        (of_both, &["(execution=?"]),
    ];
    for (query, expected) in cases {
        assert_searches(&audit::list_sql(&query), "audit", expected).await;
        let query = AuditQuery { since, ..query };
        let by_time = ["audit_by_time (at>?)"];
        assert_searches(&audit::list_sql(&query), "audit", &by_time).await;
    }
}
