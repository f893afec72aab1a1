//! Regions that cannot carry a deployment.

use crate::error::InfraError;

/// Regions without Lambda Function URLs, when the documentation was last read.
const WITHOUT_FUNCTION_URLS: [&str; 11] = [
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
];

/// Refuses what is no region's name, and regions that lack what a deployment is made of.
pub(crate) fn check(region: &str) -> Result<(), InfraError> {
    if !is_well_formed(region) {
        let shown: String = region.escape_default().take(40).collect();
        return Err(InfraError::input(format!("`{shown}` is no AWS region"))
            .hint("for example:  --region eu-central-1"));
    }
    if WITHOUT_FUNCTION_URLS.contains(&region) {
        return Err(InfraError::input(format!(
            "{region} has no Lambda Function URLs, by which runvoy is reached"
        ))
        .hint("choose a region that has them:  --region eu-central-1"));
    }
    Ok(())
}

/// Two or more lower-case words and a number, joined by hyphens: `eu-central-1`, `us-gov-west-1`.
fn is_well_formed(region: &str) -> bool {
    let Some((place, number)) = region.rsplit_once('-') else {
        return false;
    };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    is_number && place.contains('-') && place.split('-').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_that_can_carry_a_deployment_pass() {
        for region in [
            "us-east-1",
            "eu-central-1",
            "ap-southeast-2",
            "us-gov-west-1",
        ] {
            assert_eq!(check(region), Ok(()), "{region}");
        }
    }

    #[test]
    fn regions_without_function_urls_are_refused() {
        for region in WITHOUT_FUNCTION_URLS {
            let error = check(region).unwrap_err();
            assert!(!error.hints.is_empty(), "{region}");
        }
    }

    #[test]
    fn what_is_no_region_is_refused() {
        for bad in [
            "",
            "us-east",
            "useast1",
            "US-EAST-1",
            "us-east-1a",
            "us east-1",
            "us-east-1\u{1b}",
        ] {
            let error = check(bad).unwrap_err();
            assert!(error.message.contains("no AWS region"), "{bad:?}");
            assert!(!error.message.contains('\u{1b}'));
        }
    }
}
