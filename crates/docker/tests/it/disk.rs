//! An engine whose disk is full.

use runvoy_ports::{LaunchError, Presence};
use runvoy_testkit::dockerd::Dockerd;
use runvoy_testkit::dockerd_image::Image;

use crate::registry::Registry;
use crate::stage::{BUSYBOX, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_in_the_engines_words_and_what_was_begun_is_removed() {
    let dockerd = Dockerd::start_on_disk(64);
    dockerd.import_image(BUSYBOX, &Image::busybox());
    let stage = Stage::on(&dockerd).await;
    let before = stage.script("echo before");
    assert_eq!(before.to_the_end().await.exit_code, Some(0));
    before.clean_up().await;
    let filler = dockerd.root().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    let zeros = vec![0; 1 << 16];
    while std::io::Write::write_all(&mut file, &zeros).is_ok() {}
    let small = vec![0; 64];
    while std::io::Write::write_all(&mut file, &small).is_ok() {}
    let full = stage.script("echo full");
    match full.try_launch().await {
        Err(LaunchError::Refused(words)) => assert!(words.contains("no space left"), "{words}"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(full.probe().await, Presence::Gone(_)));
    drop(file);
    std::fs::remove_file(filler).unwrap();
    let after = stage.script("echo after");
    assert_eq!(after.to_the_end().await.exit_code, Some(0));
    after.clean_up().await;
    assert_eq!(dockerd.containers(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_a_disk_full_of_images_has_no_room_for_is_told_and_takes_none() {
    let registry = Registry::start().await;
    // There is room for it as it comes, and then none to unpack it.
    let zeros = vec![0; 40 << 20];
    let huge = registry.push("huge", &Image::busybox().file("/zeros", &zeros, 0o644));
    let dockerd = Dockerd::start_on_disk(64);
    dockerd.import_image(BUSYBOX, &Image::busybox());
    let stage = Stage::on(&dockerd).await;
    let run = stage.run(&huge, &["/bin/true"]);
    run.launch().await;
    let evidence = run.gone().await;
    let words = evidence.words.unwrap();
    assert!(
        words.contains(&huge) && words.contains("no space left"),
        "{words}"
    );
    assert!(!evidence.is_final, "an image may be removed meanwhile");
    assert_eq!(dockerd.containers(), Vec::<String>::new());
    run.clean_up().await;
    let after = stage.script("echo after");
    assert_eq!(after.to_the_end().await.exit_code, Some(0));
    after.clean_up().await;
    assert_eq!(dockerd.containers(), Vec::<String>::new());
}
