//! An app of one decision that answers with a model's prediction, version and variant.

use std::sync::Arc;

use vencejo_core::models::{ModelChange, ModelRefusal, ModelVersion, Roster, Weight};
use vencejo_core::plan::flow::Flow;
use vencejo_core::plan::{App, Decision, Function, ModelSlot, Stream, StreamOptions};
use vencejo_core::{Effect, Effects, Event, PartitionState, apply};
use vencejo_expr::{Graph, Type, compile};
use vencejo_model::Model;
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::schema::{Column, ColumnType, Schema};
use vencejo_types::{DecisionCode, DecisionId, ModelId, Sequence, StreamId, Tick};

/// A model of one leaf in XGBoost's JSON.
fn file(objective: &str, leaf: f64) -> Vec<u8> {
    let tree = r#"{"base_weights":[0.0],"categories":[],"categories_nodes":[],"categories_segments":[],
        "categories_sizes":[],"default_left":[0],"id":0,"left_children":[-1],"loss_changes":[0.0],"parents":[2147483647],
        "right_children":[-1],"split_conditions":[LEAF],"split_indices":[0],"split_type":[0],"sum_hessian":[1.0],
        "tree_param":{"num_deleted":"0","num_feature":"1","num_nodes":"1","size_leaf_vector":"1"}}"#;
    let parameters = match objective {
        "count:poisson" => r#""poisson_regression_param":{"max_delta_step":"0.7"}"#,
        _ => r#""reg_loss_param":{"scale_pos_weight":"1"}"#,
    };
    format!(
        r#"{{"learner":{{"attributes":{{}},"feature_names":["x"],"feature_types":["float"],
        "gradient_booster":{{"model":{{"gbtree_model_param":{{"num_parallel_tree":"1","num_trees":"1"}},
        "iteration_indptr":[0,1],"tree_info":[0],"trees":[{}]}},"name":"gbtree"}},
        "learner_model_param":{{"base_score":"1E0","boost_from_average":"1","num_class":"0","num_feature":"1",
        "num_target":"1"}},"objective":{{"name":"{objective}",{parameters}}}}},"version":[3,0,0]}}"#,
        tree.replace("LEAF", &format!("{leaf:?}"))
    )
    .into_bytes()
}

/// A version whose model answers this number.
#[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
pub fn version(label: &str, number: u64) -> Arc<ModelVersion> {
    let model = Model::parse(&file("reg:squarederror", number as f64 - 1.0)).unwrap();
    Arc::new(ModelVersion { label: label.to_owned(), content: number, model })
}

/// A version whose model answers infinity: exp of a thousand.
pub fn infinite(label: &str) -> Arc<ModelVersion> {
    let model = Model::parse(&file("count:poisson", 1_000.0)).unwrap();
    Arc::new(ModelVersion { label: label.to_owned(), content: 0, model })
}

/// Installs the version that answers this number, as `v` and the number.
pub fn install(number: u64, shadow_rows: u64) -> ModelChange {
    ModelChange::Install { version: version(&format!("v{number}"), number), shadow_rows }
}

/// Activates it.
pub fn activate(number: u64) -> ModelChange {
    ModelChange::Activate { label: format!("v{number}") }
}

/// Has it answer a share.
pub fn split(number: u64, percent: u8) -> ModelChange {
    ModelChange::Split { label: format!("v{number}"), weight: Weight::from_percent(percent).unwrap() }
}

/// What a decision answers; NaN where it fell back.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub prediction: f64,
    pub version: String,
    pub variant: String,
}

impl Answer {
    /// A champion's.
    pub fn champion(prediction: f64, version: &str) -> Self {
        Self { prediction, version: version.to_owned(), variant: "champion".to_owned() }
    }
}

/// A partition of the app.
pub struct Bench {
    pub state: PartitionState,
    effects: Effects,
}

impl Bench {
    /// The champion is `v1`; the challenger, if one is declared, `v` and its number.
    pub fn new(challenger: Option<(u64, u8)>) -> Self {
        let columns =
            vec![Column::required("key", ColumnType::String), Column::required("id", ColumnType::String)];
        let schema = Arc::new(Schema::new(columns, vec![0]));
        let challenger = challenger.map(|(number, percent)| {
            (version(&format!("v{number}"), number), Weight::from_percent(percent).unwrap())
        });
        let app = App {
            name: "test".to_owned(),
            streams: vec![Stream {
                name: "events".to_owned(),
                schema,
                watermark: None,
                options: StreamOptions::default(),
            }],
            flow: Flow::default(),
            models: vec![ModelSlot {
                name: "m".to_owned(),
                inputs: vec!["x".to_owned()],
                output: Column::nullable("y", ColumnType::Double),
                champion: version("v1", 1),
                challenger,
            }],
            decisions: vec![decision()],
        };
        Self { state: PartitionState::new(Arc::new(app)), effects: Effects::default() }
    }

    /// The requests' schema.
    pub fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.state.app().streams[0].schema)
    }

    /// A request with this id.
    pub fn row(&self, id: &str) -> Vec<u8> {
        let mut writer = RowWriter::new(2);
        writer.set_str(0, "k");
        writer.set_str(1, id);
        let mut bytes = Vec::new();
        writer.finish(&self.schema(), &mut bytes).unwrap();
        bytes
    }

    /// The model's roster.
    pub fn roster(&self) -> &Roster {
        self.state.roster(ModelId(0))
    }

    /// Makes a change.
    pub fn change(&mut self, change: &ModelChange) -> Result<(), ModelRefusal> {
        self.apply(&Event::Model { model: ModelId(0), change });
        let [Effect::ModelChanged(changed)] = self.effects.list() else { panic!("exactly one effect") };
        *changed
    }

    /// Decides a request with this id.
    pub fn decide(&mut self, id: &str) -> Answer {
        let (code, answer) = self.ask(id, false);
        assert_eq!(code == DecisionCode::Fallback, answer.prediction.is_nan());
        answer
    }

    /// Decides one whose deadline has passed.
    pub fn decide_expired(&mut self, id: &str) {
        assert_eq!(self.ask(id, true).0, DecisionCode::Fallback);
    }

    fn ask(&mut self, id: &str, expired: bool) -> (DecisionCode, Answer) {
        let bytes = self.row(id);
        let schema = self.schema();
        let row = Row::parse(&schema, &bytes).unwrap();
        self.apply(&Event::Decide { decision: DecisionId(0), row, expired });
        let [Effect::Decided { code, row }] = self.effects.list() else { panic!("exactly one effect") };
        let schema = Arc::clone(&self.state.app().decisions[0].answer);
        let row = Row::parse(&schema, &self.effects.bytes()[row.clone()]).unwrap();
        let text = |column| if row.is_null(column) { String::new() } else { row.str(column).to_owned() };
        let prediction = if row.is_null(0) { f64::NAN } else { row.f64(0) };
        (*code, Answer { prediction, version: text(1), variant: text(2) })
    }

    fn apply(&mut self, event: &Event<'_>) {
        let sequence: Sequence = self.state.sequence().next();
        apply(&mut self.state, sequence, Tick(0), event, &mut self.effects);
    }
}

/// SELECT PREDICT(m), MODEL_VERSION(m), MODEL_VARIANT(m), split by the id. The fallback answers
/// nothing to speak of.
fn decision() -> Decision {
    let mut graph = Graph::new();
    let x = graph.double(0.0).unwrap();
    // The version is asked first: whoever asks first chooses for all.
    let version = graph.call(1, &[], Type::String, false).unwrap();
    let prediction = graph.call(0, &[x], Type::Double, true).unwrap();
    let variant = graph.call(2, &[], Type::String, false).unwrap();
    let program = compile(&graph, &[prediction, version, variant]).unwrap();
    let mut fallback = Graph::new();
    let nan = fallback.double(f64::NAN).unwrap();
    let none = fallback.null_of(Type::String).unwrap();
    let fallback = compile(&fallback, &[nan, none, none]).unwrap();
    let columns = vec![
        Column::nullable("prediction", ColumnType::Double),
        Column::nullable("version", ColumnType::String),
        Column::nullable("variant", ColumnType::String),
    ];
    let model = ModelId(0);
    Decision {
        name: "d".to_owned(),
        stream: StreamId(0),
        deadline_micros: 1_000,
        split_by: vec![1],
        answer: Arc::new(Schema::new(columns, vec![])),
        lookups: vec![],
        functions: vec![
            Function::Predict(model),
            Function::ModelVersion(model),
            Function::ModelVariant(model),
        ],
        program,
        condition: None,
        code: None,
        fallback,
        required: vec![0],
    }
}
