//! Hello and welcome: who calls, and what is served here.

use bytes::{BufMut, BytesMut};

use super::{Fields, MessageError, Read, VERSION, distinct, put_count, put_label, put_name, require};
use crate::frame::{BODY_BYTES_MIN, FrameType, write_frame};
use crate::limits::{COLUMNS_MAX, DECLARATIONS_MAX, FRAME_BYTES_MAX};
use crate::schema::{Column, ColumnType, Schema};

/// The first frame of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// Lowest protocol version the client speaks.
    pub version_min: u16,
    /// Highest protocol version the client speaks.
    pub version_max: u16,
    /// The app it wants; empty takes the one that is served.
    pub app: String,
    /// Who calls, for the engine's log; no control characters.
    pub client: String,
    /// Streams whose schema the client was built for, with the fingerprint it expects.
    pub expected: Vec<(String, u64)>,
}

impl Hello {
    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Hello, request, |out| {
            out.put_u16_le(self.version_min);
            out.put_u16_le(self.version_max);
            put_name(out, &self.app);
            put_label(out, &self.client);
            put_count(out, self.expected.len());
            for (stream, fingerprint) in &self.expected {
                put_name(out, stream);
                out.put_u64_le(*fingerprint);
            }
        });
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// Names the field that does not follow the layout.
    pub fn read(payload: &[u8]) -> Read<Self> {
        let mut fields = Fields { rest: payload };
        let mut hello = Self {
            version_min: fields.u16("version_min")?,
            version_max: fields.u16("version_max")?,
            app: fields.label("app")?,
            client: fields.label("client")?,
            expected: Vec::new(),
        };
        for _ in 0..fields.count(DECLARATIONS_MAX, "expectations")? {
            hello.expected.push((fields.name("stream name")?, fields.u64("fingerprint")?));
        }
        fields.end()?;
        Ok(hello)
    }

    /// The version that the engine will speak with this client, if both know one.
    pub fn common_version(&self) -> Option<u16> {
        (self.version_min..=self.version_max).contains(&VERSION).then_some(VERSION)
    }
}

/// A stream as the welcome declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// The id that ingest frames use.
    pub id: u16,
    /// The stream's name.
    pub name: String,
    /// Its columns and key.
    pub schema: Schema,
}

/// A decision as the welcome declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionInfo {
    /// The id that decide frames use.
    pub id: u16,
    /// The stream whose rows are its requests.
    pub stream: u16,
    /// The deadline when a request names none, in microseconds.
    pub deadline_micros: u32,
    /// The decision's name.
    pub name: String,
    /// The columns of its answer.
    pub answer: Schema,
}

/// The engine's answer to a hello: what is served here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Welcome {
    /// The version that both will speak.
    pub version: u16,
    /// Longest frame body the engine takes.
    pub frame_bytes_max: u32,
    /// Number of partitions, at least 1; `key_hash % partitions` owns a key.
    pub partitions: u32,
    /// The app's name.
    pub app: String,
    /// Engine name and version, for logs; no control characters.
    pub engine: String,
    /// The app's streams.
    pub streams: Vec<StreamInfo>,
    /// The app's decisions.
    pub decisions: Vec<DecisionInfo>,
}

impl Welcome {
    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Welcome, request, |out| self.write_payload(out));
    }

    /// Whether a client can read this welcome: it fits one frame, names are names, ids are distinct. An
    /// app is checked so before it is served.
    ///
    /// # Errors
    /// Names the field that a client would refuse.
    pub fn check(&self) -> Read<()> {
        let mut payload = BytesMut::new();
        self.write_payload(&mut payload);
        require(BODY_BYTES_MIN + payload.len() <= FRAME_BYTES_MAX, "frame length")?;
        Self::read(&payload).map(|_| ())
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// Names the field that does not follow the layout.
    pub fn read(payload: &[u8]) -> Read<Self> {
        let mut fields = Fields { rest: payload };
        let version = fields.u16("version")?;
        fields.u16("reserved")?;
        let mut welcome = Self {
            version,
            frame_bytes_max: fields.u32("frame_bytes_max")?,
            partitions: fields.u32("partitions")?,
            app: fields.name("app")?,
            engine: fields.label("engine")?,
            ..Self::default()
        };
        require(welcome.partitions > 0, "partitions")?;
        for _ in 0..fields.count(DECLARATIONS_MAX, "streams")? {
            welcome.streams.push(read_stream(&mut fields)?);
        }
        let streams = &welcome.streams;
        require(distinct(streams.iter().map(|stream| stream.id)), "stream id")?;
        require(distinct(streams.iter().map(|stream| &stream.name)), "stream name")?;
        for _ in 0..fields.count(DECLARATIONS_MAX, "decisions")? {
            welcome.decisions.push(read_decision(&mut fields, streams)?);
        }
        let decisions = &welcome.decisions;
        require(distinct(decisions.iter().map(|decision| decision.id)), "decision id")?;
        require(distinct(decisions.iter().map(|decision| &decision.name)), "decision name")?;
        fields.end()?;
        Ok(welcome)
    }

    fn write_payload(&self, out: &mut BytesMut) {
        out.put_u16_le(self.version);
        out.put_u16_le(0);
        out.put_u32_le(self.frame_bytes_max);
        out.put_u32_le(self.partitions);
        put_name(out, &self.app);
        put_label(out, &self.engine);
        put_count(out, self.streams.len());
        for stream in &self.streams {
            out.put_u16_le(stream.id);
            put_name(out, &stream.name);
            write_schema(&stream.schema, out);
        }
        put_count(out, self.decisions.len());
        for decision in &self.decisions {
            out.put_u16_le(decision.id);
            out.put_u16_le(decision.stream);
            out.put_u32_le(decision.deadline_micros);
            put_name(out, &decision.name);
            write_schema(&decision.answer, out);
        }
    }
}

fn read_stream(fields: &mut Fields<'_>) -> Read<StreamInfo> {
    Ok(StreamInfo {
        id: fields.u16("stream id")?,
        name: fields.name("stream name")?,
        schema: read_schema(fields)?,
    })
}

fn read_decision(fields: &mut Fields<'_>, streams: &[StreamInfo]) -> Read<DecisionInfo> {
    let id = fields.u16("decision id")?;
    let stream = fields.u16("decision stream")?;
    require(streams.iter().any(|declared| declared.id == stream), "decision stream")?;
    Ok(DecisionInfo {
        id,
        stream,
        deadline_micros: fields.u32("deadline_micros")?,
        name: fields.name("decision name")?,
        answer: read_schema(fields)?,
    })
}

pub(super) fn write_schema(schema: &Schema, out: &mut BytesMut) {
    out.put_u64_le(schema.fingerprint());
    put_count(out, schema.columns().len());
    for column in schema.columns() {
        put_name(out, &column.name);
        out.put_u8(column.column_type.code());
        if let ColumnType::Decimal { precision, scale } = column.column_type {
            out.put_u8(precision);
            out.put_u8(scale);
        }
        out.put_u8(u8::from(column.nullable));
    }
    put_count(out, schema.key().len());
    for &index in schema.key() {
        put_count(out, index);
    }
}

pub(super) fn read_schema(fields: &mut Fields<'_>) -> Read<Schema> {
    let fingerprint = fields.u64("fingerprint")?;
    let mut columns = Vec::new();
    for _ in 0..fields.count(COLUMNS_MAX, "columns")? {
        let name = fields.name("column name")?;
        let column_type = match fields.u8("column type")? {
            ColumnType::DECIMAL_CODE => {
                let (precision, scale) = (fields.u8("precision")?, fields.u8("scale")?);
                Some(ColumnType::decimal(precision, scale).ok_or(MessageError::new("precision and scale"))?)
            }
            code => ColumnType::from_code(code),
        };
        columns.push(Column {
            name,
            column_type: column_type.ok_or(MessageError::new("column type"))?,
            nullable: fields.bool("nullable")?,
        });
    }
    require(distinct(columns.iter().map(|column| &column.name)), "column name")?;
    let mut key = Vec::new();
    for _ in 0..fields.count(columns.len(), "key columns")? {
        let index = usize::from(fields.u16("key column")?);
        require(index < columns.len(), "key column")?;
        key.push(index);
    }
    require(distinct(key.iter()), "key column")?;
    let schema = Schema::new(columns, key);
    require(schema.fingerprint() == fingerprint, "fingerprint").map(|()| schema)
}
