//! Fetches an image that the engine has not got.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt as _;
use runvoy_core::container::ImageRef;
use tokio::time::timeout;

use crate::call::CallError;
use crate::credentials;
use crate::engine::Engine;
use crate::image::Reference;
use crate::obstacle::Obstacle;
use crate::ongoing::Work;

/// How long the engine may be silent in a pull: before it tells the first, and while it unpacks.
const SILENCE: Duration = Duration::from_mins(15);
/// What engines, registries and names say of an image that is not there, or not for this processor.
const NOT_THERE: [&str; 6] = [
    "manifest unknown",
    "no matching manifest",
    "no match for platform",
    "pull access denied",
    "no such host",
    "invalid reference",
];
/// What registries say to who may not have it; in the middle of a pull, to whose token has run out.
const DENIED: [&str; 3] = ["unauthorized", "no basic auth credentials", "denied:"];
const KILO: u64 = 1000;
const MEGA: u64 = KILO * KILO;

/// Fetches the image, telling how far it is. Where it is stopped, the engine stops fetching.
pub(crate) async fn pull(
    engine: &Engine,
    image: &ImageRef,
    config: Option<&Path>,
    work: &Work,
) -> Result<(), Obstacle> {
    work.tell(format!("pulling {image}"));
    let reference = Reference::of(image);
    let credentials = tokio::select! {
        biased;
        () = work.stop.cancelled() => return Err(Obstacle::stopped()),
        found = credentials::find(config, &reference.registry) => found,
    };
    let credentials =
        credentials.map_err(|why| Obstacle::Refused(format!("cannot pull {image}: {why}")))?;
    let options = CreateImageOptions {
        from_image: Some(reference.name),
        tag: Some(reference.tag),
        ..CreateImageOptions::default()
    };
    let docker = engine.docker().clone().with_timeout(SILENCE);
    let mut news = Box::pin(docker.create_image(Some(options), None, credentials));
    let mut layers = Layers::default();
    loop {
        let told = tokio::select! {
            biased;
            () = work.stop.cancelled() => return Err(Obstacle::stopped()),
            told = timeout(SILENCE, news.next()) => told,
        };
        let Ok(told) = told else {
            return Err(Obstacle::Unknown(CallError::late()));
        };
        match told.map(|told| told.map_err(CallError::from)) {
            None => return Ok(()),
            Some(Ok(info)) => {
                layers.note(&info);
                work.tell(layers.words(image));
            }
            Some(Err(CallError::Answer { message, .. })) => {
                let words = format!("cannot pull {image}: {message}");
                return Err(if is_final(&message, image, layers.has_begun()) {
                    Obstacle::Impossible(words)
                } else {
                    Obstacle::Refused(words)
                });
            }
            Some(Err(silence @ (CallError::Silence(_) | CallError::Unusable(_)))) => {
                return Err(Obstacle::Unknown(silence));
            }
        }
    }
}

/// Whether the next pull would end in the same way.
fn is_final(message: &str, image: &ImageRef, has_begun: bool) -> bool {
    // The words may stand in the image's name, whole or without its registry.
    let path = image.as_str().split_once('/').map_or("", |(_, path)| path);
    let mut words = message.replace(image.as_str(), "");
    for name in [path, path.split([':', '@']).next().unwrap_or_default()] {
        if !name.is_empty() {
            words = words.replace(name, "");
        }
    }
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    let is_unresolved = says(&["failed to resolve reference"]) && words.ends_with(": not found");
    is_unresolved || says(&NOT_THERE) || !has_begun && says(&DENIED)
}

/// How far the parts of an image are: bytes that are here, and all of them.
#[derive(Debug, Default)]
struct Layers {
    by_id: HashMap<String, (u64, u64)>,
}

impl Layers {
    fn has_begun(&self) -> bool {
        !self.by_id.is_empty()
    }

    fn note(&mut self, info: &CreateImageInfo) {
        let (Some(id), Some(status)) = (&info.id, info.status.as_deref()) else {
            return;
        };
        if status == "Download complete" {
            if let Some((here, all)) = self.by_id.get_mut(id) {
                *here = *all;
            }
            return;
        }
        let detail = info
            .progress_detail
            .as_ref()
            .filter(|_| status == "Downloading");
        let number = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
        let bytes =
            detail.and_then(|detail| Some((number(detail.current)?, number(detail.total)?)));
        if let Some((here, all)) = bytes {
            self.by_id.insert(id.clone(), (here, all));
        }
    }

    fn words(&self, image: &ImageRef) -> String {
        let (here, all) = self.by_id.values().fold((0, 0), |sum: (u64, u64), layer| {
            (sum.0.saturating_add(layer.0), sum.1.saturating_add(layer.1))
        });
        if all == 0 {
            return format!("pulling {image}");
        }
        if here >= all {
            return format!("unpacking {image}");
        }
        let percent = u128::from(here) * 100 / u128::from(all);
        let size = match all {
            0..MEGA => format!("{} kB", all.div_ceil(KILO)),
            MEGA.. => format!("{} MB", (all + MEGA / 2) / MEGA),
        };
        format!("pulling {image}, {percent} % of {size}")
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::ProgressDetail;

    use super::*;

    fn news(id: &str, status: &str, bytes: Option<(i64, i64)>) -> CreateImageInfo {
        CreateImageInfo {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            progress_detail: bytes.map(|(current, total)| ProgressDetail {
                current: Some(current),
                total: Some(total),
            }),
            ..CreateImageInfo::default()
        }
    }

    #[test]
    fn progress_is_that_of_all_layers_together() {
        let image = "alpine:3.22".parse().unwrap();
        let mut layers = Layers::default();
        layers.note(&news("a", "Pulling fs layer", None));
        assert_eq!(layers.words(&image), "pulling alpine:3.22");
        layers.note(&news("a", "Downloading", Some((4_000_000, 8_000_000))));
        layers.note(&news("b", "Downloading", Some((1_000_000, 4_000_000))));
        assert_eq!(layers.words(&image), "pulling alpine:3.22, 41 % of 12 MB");
        layers.note(&news("a", "Download complete", None));
        layers.note(&news("a", "Extracting", Some((10, 8_000_000))));
        assert_eq!(layers.words(&image), "pulling alpine:3.22, 75 % of 12 MB");
        layers.note(&news("b", "Download complete", None));
        assert_eq!(layers.words(&image), "unpacking alpine:3.22");
    }

    #[test]
    fn what_another_pull_would_not_change_is_final() {
        let image = "reg.example/team/unauthorized-proxy:1".parse().unwrap();
        let is_final = |message: &str| is_final(message, &image, false);
        for message in [
            "manifest for reg.example/team/unauthorized-proxy:1 not found: manifest unknown: x",
            "dial tcp: lookup reg.example on 192.0.2.1:53: no such host",
            "Head \"https://reg.example/v2/x/manifests/1\": no basic auth credentials",
            "unauthorized: authentication required",
            "failed to resolve reference \"reg.example/team/x:1\": reg.example/team/x:1: not found",
        ] {
            assert!(is_final(message), "{message}");
        }
        for message in [
            "Get \"https://reg.example/v2/team/unauthorized-proxy/manifests/1\": TLS handshake timeout",
            "dial tcp 192.0.2.1:443: connect: connection refused",
            "toomanyrequests: You have reached your pull rate limit",
            "write /var/lib/docker/tmp/x: no space left on device",
            "failed to prepare snapshot: parent snapshot does not exist: not found",
        ] {
            assert!(!is_final(message), "{message}");
        }
        let expired = "unauthorized: authentication required";
        assert!(!super::is_final(expired, &image, true));
    }

    #[test]
    fn a_small_image_is_told_in_kilobytes() {
        let image = "x".parse().unwrap();
        let mut layers = Layers::default();
        layers.note(&news("a", "Downloading", Some((1, 1500))));
        assert_eq!(layers.words(&image), "pulling x, 0 % of 2 kB");
    }
}
