//! The bucket and the repository, emptied and deleted with their stack.

use aws_sdk_ecr::types::ImageIdentifier;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use crate::bootstrap::Bootstrap;
use crate::deployment::Infra;
use crate::error::{self, InfraError, has_code};
use crate::progress::{Listener, Progress};

impl Infra {
    pub(super) async fn delete_bootstrap(&self, listener: Listener<'_>) -> Result<(), InfraError> {
        let stack = self.bootstrap_stack();
        let Some(state) = stack.find().await? else {
            return Ok(());
        };
        state.check_is_free(&stack.name)?;
        // A stack that was never made whole tells nothing, and has nothing.
        let made = Bootstrap::of(&state).ok();
        if let Some(made) = &made {
            listener(Progress::Doing(format!(
                "emptying {} and {}",
                made.bucket, made.repository
            )));
            self.empty_bucket(&made.bucket).await?;
            self.empty_repository(made.repository_name()).await?;
        }
        listener(Progress::Doing(format!(
            "deleting the stack {}",
            stack.name
        )));
        stack.delete_for_good(listener).await?;
        if let Some(made) = &made {
            self.delete_bucket(&made.bucket).await?;
            self.delete_repository(made.repository_name()).await?;
        }
        listener(Progress::Done(format!("Deleted the stack {}", stack.name)));
        Ok(())
    }

    /// Deletes every version of every object, a page at a time, until there is none.
    async fn empty_bucket(&self, bucket: &str) -> Result<(), InfraError> {
        let what = format!("the bucket {bucket} cannot be emptied");
        loop {
            let answer = self
                .aws()
                .s3()
                .list_object_versions()
                .bucket(bucket)
                .send()
                .await;
            let page = match answer {
                Ok(page) => page,
                Err(error) if has_code(&error, &["NoSuchBucket"]) => return Ok(()),
                Err(error) => return Err(error::failed(what, "s3:ListBucketVersions")(error)),
            };
            let versions = page
                .versions()
                .iter()
                .map(|one| (one.key(), one.version_id()));
            let markers = page
                .delete_markers()
                .iter()
                .map(|one| (one.key(), one.version_id()));
            let objects: Vec<ObjectIdentifier> = versions
                .chain(markers)
                .filter_map(|(key, version)| {
                    let object = ObjectIdentifier::builder().key(key?);
                    object
                        .set_version_id(version.map(ToOwned::to_owned))
                        .build()
                        .ok()
                })
                .collect();
            if objects.is_empty() {
                return Ok(());
            }
            let delete = Delete::builder()
                .set_objects(Some(objects))
                .quiet(true)
                .build();
            let delete =
                delete.map_err(|error| InfraError::failed(what.clone()).because_of(&error))?;
            let call = self
                .aws()
                .s3()
                .delete_objects()
                .bucket(bucket)
                .delete(delete);
            let failed = error::failed(what.clone(), "s3:DeleteObjectVersion");
            let answer = call.send().await.map_err(failed)?;
            if let Some(first) = answer.errors().first() {
                let said = first.message().or(first.code()).unwrap_or_default();
                return Err(InfraError::failed(what).because(said));
            }
        }
    }

    /// Deletes every image; an index before what it names, which ECR sees to by refusing only what is still named.
    async fn empty_repository(&self, repository: &str) -> Result<(), InfraError> {
        let what = format!("the repository {repository} cannot be emptied");
        let mut last = usize::MAX;
        loop {
            let answer = self
                .aws()
                .ecr()
                .list_images()
                .repository_name(repository)
                .send()
                .await;
            let page = match answer {
                Ok(page) => page,
                Err(error) if has_code(&error, &["RepositoryNotFoundException"]) => return Ok(()),
                Err(error) => return Err(error::failed(what, "ecr:ListImages")(error)),
            };
            let images: Vec<ImageIdentifier> = page.image_ids().to_vec();
            if images.is_empty() {
                return Ok(());
            }
            if images.len() >= last && page.next_token().is_none() {
                return Err(InfraError::failed(what).because("images of it are still in use"));
            }
            last = images.len();
            let call = self
                .aws()
                .ecr()
                .batch_delete_image()
                .repository_name(repository);
            let failed = error::failed(what.clone(), "ecr:BatchDeleteImage");
            call.set_image_ids(Some(images))
                .send()
                .await
                .map_err(failed)?;
        }
    }

    /// The template may keep the bucket when its stack goes.
    async fn delete_bucket(&self, bucket: &str) -> Result<(), InfraError> {
        match self.aws().s3().delete_bucket().bucket(bucket).send().await {
            Ok(_) => Ok(()),
            Err(error) if has_code(&error, &["NoSuchBucket"]) => Ok(()),
            Err(error) => {
                let what = format!("the bucket {bucket} cannot be deleted");
                Err(error::failed(what, "s3:DeleteBucket")(error))
            }
        }
    }

    /// The template may keep the repository when its stack goes.
    async fn delete_repository(&self, repository: &str) -> Result<(), InfraError> {
        let call = self
            .aws()
            .ecr()
            .delete_repository()
            .repository_name(repository);
        match call.force(true).send().await {
            Ok(_) => Ok(()),
            Err(error) if has_code(&error, &["RepositoryNotFoundException"]) => Ok(()),
            Err(error) => {
                let what = format!("the repository {repository} cannot be deleted");
                Err(error::failed(what, "ecr:DeleteRepository")(error))
            }
        }
    }
}
