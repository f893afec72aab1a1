use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A registry in a few lines: keeps what it is given, by path, and counts what it is asked to keep.
#[derive(Debug, Clone, Default)]
struct FakeRegistry {
    kept: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    writes: Arc<Mutex<Vec<String>>>,
}

impl FakeRegistry {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let registry = self.clone();
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let registry = registry.clone();
                tokio::task::spawn_local(async move { registry.serve(stream).await });
            }
        });
        format!("http://{address}")
    }

    async fn serve(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        loop {
            let mut head = Vec::new();
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                    return;
                }
                if line == "\r\n" {
                    break;
                }
                head.push(line.trim_end().to_owned());
            }
            let length = head.iter().find_map(|line| {
                let line = line.to_ascii_lowercase();
                line.strip_prefix("content-length: ")?.parse::<usize>().ok()
            });
            let mut body = vec![0; length.unwrap_or(0)];
            stream.read_exact(&mut body).await.unwrap();
            let answer = self.answer(&head, body);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    fn answer(&self, head: &[String], body: Vec<u8>) -> String {
        let mut words = head[0].split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let is_signed_in = head
            .iter()
            .any(|line| line.eq_ignore_ascii_case("authorization: Basic QVdTOnB3"));
        let status = match method {
            _ if !is_signed_in => "401 Unauthorized",
            "HEAD" if self.kept.lock().unwrap().contains_key(path) => "200 OK",
            "HEAD" => "404 Not Found",
            "POST" => "202 Accepted\r\nlocation: /v2/p-agent/blobs/uploads/1?state=x",
            _ => {
                let digest = path.split_once("digest=").map(|(_, digest)| digest);
                let place = digest.map_or(path.to_owned(), |digest| {
                    format!("/v2/p-agent/blobs/{digest}")
                });
                self.writes.lock().unwrap().push(place.clone());
                self.kept.lock().unwrap().insert(place, body);
                "201 Created"
            }
        };
        format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")
    }
}

fn image() -> Image {
    Image::of_agents(b"arm", b"intel").unwrap()
}

async fn push(base: &str, password: &str, image: &Image) -> Result<(), InfraError> {
    let registry = Registry::at(base, "p-agent", password.to_owned()).unwrap();
    registry.push(image, &|_| {}).await
}

#[tokio::test]
async fn an_image_arrives_whole_and_only_once() {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let (fake, image) = (FakeRegistry::default(), image());
            let base = fake.start().await;
            push(&base, "pw", &image).await.unwrap();
            let writes = fake.writes.lock().unwrap().clone();
            assert_eq!(writes.len(), 4 + 2 + 1);
            assert!(writes[6].ends_with(&format!("manifests/{}", tag_of(&image))));
            for blob in &image.blobs {
                let kept = fake.kept.lock().unwrap();
                assert_eq!(
                    kept[&format!("/v2/p-agent/blobs/{}", blob.digest)],
                    blob.bytes
                );
            }
            push(&base, "pw", &image).await.unwrap();
            assert_eq!(fake.writes.lock().unwrap().len(), 7);
        })
        .await;
}

#[tokio::test]
async fn a_push_that_broke_off_goes_on_where_it_was() {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let (fake, image) = (FakeRegistry::default(), image());
            let there = format!("/v2/p-agent/blobs/{}", image.blobs[0].digest);
            fake.kept.lock().unwrap().insert(there.clone(), Vec::new());
            let base = fake.start().await;
            push(&base, "pw", &image).await.unwrap();
            assert!(!fake.writes.lock().unwrap().contains(&there));
        })
        .await;
}

#[tokio::test]
async fn a_refusal_says_what_may_be_missing() {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let base = FakeRegistry::default().start().await;
            let error = push(&base, "wrong", &image()).await.unwrap_err();
            assert!(error.causes[0].contains("401") && error.hints[0].contains("ecr:PutImage"));
        })
        .await;
}
