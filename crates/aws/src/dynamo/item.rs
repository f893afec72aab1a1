//! Items: building them, and taking attributes out of them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use runvoy_ports::StoreError;

use super::row::RowError;

/// An item, or a part of one, such as its key.
pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl ToString + Copy) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A time for people: RFC 3339 with microseconds always, so that times sort as texts.
pub(super) fn time_text(at: Timestamp) -> AttributeValue {
    text(format!("{at:.6}"))
}

/// Whole epoch seconds, not before `at`, as DynamoDB's expiry wants them.
pub(super) fn expiry(at: Timestamp) -> AttributeValue {
    number(
        at.as_second()
            .saturating_add(i64::from(at.subsec_nanosecond() > 0)),
    )
}

/// An item that is being put together.
#[derive(Debug, Default)]
pub(super) struct ItemBuilder(Item);

impl ItemBuilder {
    pub(super) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    pub(super) fn with_some(self, name: &str, value: Option<AttributeValue>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn build(self) -> Item {
        self.0
    }
}

/// The key of an item in a table without a sort key.
pub(super) fn key(name: &str, value: &str) -> Item {
    ItemBuilder::default().with(name, text(value)).build()
}

/// A text attribute, where there is one.
pub(super) fn get_text<'a>(
    item: &'a Item,
    name: &'static str,
) -> Result<Option<&'a str>, StoreError> {
    match item.get(name) {
        None => Ok(None),
        Some(AttributeValue::S(text)) => Ok(Some(text)),
        Some(_) => Err(RowError::Attribute(name).into()),
    }
}

/// A number, where there is one.
pub(super) fn get_number<T: std::str::FromStr>(
    item: &Item,
    name: &'static str,
) -> Result<Option<T>, StoreError> {
    match item.get(name) {
        None => Ok(None),
        Some(AttributeValue::N(digits)) => match digits.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(RowError::Attribute(name).into()),
        },
        Some(_) => Err(RowError::Attribute(name).into()),
    }
}

/// A flag; one that is missing is not set.
pub(super) fn get_flag(item: &Item, name: &'static str) -> Result<bool, StoreError> {
    match item.get(name) {
        None => Ok(false),
        Some(AttributeValue::Bool(flag)) => Ok(*flag),
        Some(_) => Err(RowError::Attribute(name).into()),
    }
}

/// The attribute that must be there.
pub(super) fn needed<T>(value: Option<T>, name: &'static str) -> Result<T, StoreError> {
    value.ok_or_else(|| RowError::Attribute(name).into())
}
