//! Requests chosen by where in the engine their key lives.

use std::net::SocketAddr;

use bytes::BytesMut;
use clap::ValueEnum;
use vencejo_client::protocol::frame::FrameType;
use vencejo_client::protocol::message::{DoorMap, Doors};
use vencejo_client::protocol::row::{Row, key_hash, partition_of};
use vencejo_client::protocol::schema::Schema;
use vencejo_client::{ClientError, Config, Connection};

use crate::answer::DecisionTarget;
use crate::failure::Failure;

/// Which requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Keys {
    /// All of them.
    All,
    /// Those whose partition is served where the connection leads to.
    Here,
    /// Those whose partition another thread serves.
    Elsewhere,
}

impl Keys {
    /// The chosen ones of these rows.
    ///
    /// # Errors
    /// When the engine does not say where its partitions are, or none of the rows is chosen.
    pub(super) async fn chosen(
        self,
        rows: Vec<Vec<u8>>,
        target: &DecisionTarget,
        address: SocketAddr,
        config: &Config,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        if self == Self::All {
            return Ok(rows);
        }
        let map = door_map(address, config).await?;
        let rows = self.of(rows, &target.requests, &map, address.port());
        if rows.is_empty() {
            let reason = "no key lives there: the engine has one thread; start it with --threads 2";
            return Err(Failure::runtime(reason));
        }
        Ok(rows)
    }

    fn of(self, mut rows: Vec<Vec<u8>>, schema: &Schema, map: &DoorMap, port: u16) -> Vec<Vec<u8>> {
        let partitions = u32::try_from(map.partitions.len()).expect("partitions are counted in 32 bits");
        let mut key = Vec::new();
        rows.retain(|row| {
            key.clear();
            Row::of_checked(schema.columns().len(), row).write_key(schema, schema.key(), &mut key);
            let partition = partition_of(key_hash(&key), partitions) as usize;
            let is_here = map.ports[usize::from(map.partitions[partition])] == port;
            is_here == (self == Self::Here)
        });
        rows
    }
}

async fn door_map(address: SocketAddr, config: &Config) -> Result<DoorMap, Failure> {
    let Connection { mut sender, mut receiver, .. } = Connection::open(address, config).await?;
    let mut question = BytesMut::new();
    Doors.write(1, &mut question);
    sender.send(question.freeze()).await?;
    let answer = receiver.next_frame().await?;
    receiver.close();
    let map = answer.filter(|frame| frame.frame_type() == Some(FrameType::DoorMap));
    let map = map.and_then(|frame| DoorMap::read(&frame.payload).ok());
    map.ok_or_else(|| {
        ClientError::Protocol { reason: "the engine does not say where its partitions are".to_owned() }.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vencejo_client::RowWriter;
    use vencejo_client::protocol::schema::{Column, ColumnType};

    #[test]
    fn a_row_is_here_or_elsewhere() {
        let columns =
            vec![Column { name: "id".to_owned(), column_type: ColumnType::BigInt, nullable: false }];
        let schema = Schema::new(columns, vec![0]);
        let rows: Vec<Vec<u8>> = (0..100)
            .map(|id| {
                let (mut writer, mut row) = (RowWriter::new(1), Vec::new());
                writer.set_i64(0, id);
                writer.finish(&schema, &mut row).expect("a row");
                row
            })
            .collect();
        let map = DoorMap { ports: vec![7_000, 7_001], partitions: vec![0, 1, 0, 1] };
        let here = Keys::Here.of(rows.clone(), &schema, &map, 7_000);
        let elsewhere = Keys::Elsewhere.of(rows.clone(), &schema, &map, 7_000);
        assert!((30..70).contains(&here.len()), "{} of 100 rows are here", here.len());
        assert_eq!(here, Keys::Elsewhere.of(rows.clone(), &schema, &map, 7_001), "the other door sees it so");
        let mut both = [here, elsewhere].concat();
        both.sort();
        let mut all = rows;
        all.sort();
        assert_eq!(both, all, "each row is in one place");
    }
}
