//! Reads: one item by its key, or a range of a table or an index in order.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use runvoy_ports::StoreError;

use super::DynamoStore;
use super::error::classify;
use super::item::{Item, text};

/// Which part of a partition, by its sort key.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// Below a key.
    Below(AttributeValue),
    /// Above a key.
    Above(AttributeValue),
    /// From a key on.
    From(AttributeValue),
    /// From one key to another, both included.
    Between(AttributeValue, AttributeValue),
}

/// Whose attributes a range is ordered by, and how.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// A range of an index, or of a table where no index is named.
#[derive(Debug, Clone)]
pub(super) struct Range<'a> {
    pub(super) table: &'a str,
    pub(super) index: Option<&'static str>,
    pub(super) partition: (&'static str, &'a str),
    pub(super) sort: (&'static str, Part),
    pub(super) order: Order,
}

impl DynamoStore {
    /// The item of this key, as it is now.
    pub(super) async fn get(&self, table: &str, key: Item) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(table);
        let get = get.set_key(Some(key)).consistent_read(true);
        Ok(get.send().await.map_err(classify)?.item)
    }

    /// The query of a range; consistent where it is a table's.
    pub(super) fn query(&self, range: Range<'_>) -> QueryFluentBuilder {
        let (partition, value) = range.partition;
        let query = self
            .client
            .query()
            .table_name(range.table)
            .set_index_name(range.index.map(str::to_owned))
            .consistent_read(range.index.is_none())
            .scan_index_forward(matches!(range.order, Order::Ascending))
            .expression_attribute_names("#partition", partition)
            .expression_attribute_values(":partition", text(value));
        let (name, part) = range.sort;
        let (condition, low, high) = match part {
            Part::Whole => return query.key_condition_expression("#partition = :partition"),
            Part::Below(key) => ("#sort < :low", key, None),
            Part::Above(key) => ("#sort > :low", key, None),
            Part::From(key) => ("#sort >= :low", key, None),
            Part::Between(low, high) => ("#sort BETWEEN :low AND :high", low, Some(high)),
        };
        let query = match high {
            Some(high) => query.expression_attribute_values(":high", high),
            None => query,
        };
        query
            .key_condition_expression(format!("#partition = :partition AND {condition}"))
            .expression_attribute_names("#sort", name)
            .expression_attribute_values(":low", low)
    }

    /// The first `limit` items of a query, in one call unless they are many megabytes.
    pub(super) async fn first(
        &self,
        query: QueryFluentBuilder,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        self.first_of(query, limit, |item| Ok(Some(item))).await
    }

    /// The first `limit` values that `take` makes of a query's items, in as many calls as it takes.
    pub(super) async fn first_of<T>(
        &self,
        query: QueryFluentBuilder,
        limit: usize,
        take: impl Fn(Item) -> Result<Option<T>, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let query = query.limit(i32::try_from(limit).unwrap_or(i32::MAX).max(1));
        let mut found = Vec::new();
        let mut from = None;
        while found.len() < limit {
            let page = query.clone().set_exclusive_start_key(from);
            let page = page.send().await.map_err(classify)?;
            for item in page.items.unwrap_or_default() {
                found.extend(take(item)?);
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Every item of a query. For tables that stay small.
    pub(super) async fn all(&self, query: QueryFluentBuilder) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut from = None;
        loop {
            let page = query.clone().set_exclusive_start_key(from);
            let page = page.send().await.map_err(classify)?;
            items.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(items);
            }
        }
    }
}
