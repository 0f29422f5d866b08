"""Models of XGBoost and LightGBM as ydf's trees, and the C++ that ydf writes for them.

ydf reads neither library's files, but its trees can be set node by node. Its conditions are x >= threshold in f32:
XGBoost's splits as they are, LightGBM's x <= t with the next f32 above t. The C++ has thresholds and leaves of six
digits and knows no missing values, so answers differ; how often, the report says.
"""
import json

import numpy as np

WRAPPER = """
extern "C" float ydf_predict(const float* row) {
  ydf_model::Instance instance;
  static_assert(sizeof(instance) == ydf_model::kNumFeatures * sizeof(float), "one float per feature");
  std::memcpy(&instance, row, sizeof(instance));
  return ydf_model::Predict(instance);
}
"""


def xgboost_trees(path):
    import xgboost
    booster = xgboost.Booster(model_file=path)
    saved = json.loads(bytes(booster.save_raw("json")))["learner"]
    base = float(saved["learner_model_param"]["base_score"].strip("[]"))
    trees = []
    for tree in saved["gradient_booster"]["model"]["trees"]:
        left, right = tree["left_children"], tree["right_children"]
        columns, values = tree["split_indices"], tree["split_conditions"]

        def node(at):
            if left[at] == -1:
                return values[at]
            return columns[at], values[at], bool(tree["default_left"][at]), node(left[at]), node(right[at])
        trees.append(node(0))
    return trees, base, booster.num_features()


def lightgbm_trees(path):
    import lightgbm
    booster = lightgbm.Booster(model_file=path)

    def above(threshold):
        narrow = np.float32(np.clip(threshold, np.finfo(np.float32).min, np.finfo(np.float32).max / 2))
        return float(narrow if float(narrow) > threshold else np.nextafter(narrow, np.float32(np.inf)))

    def node(saved):
        if "leaf_value" in saved:
            return saved["leaf_value"]
        children = node(saved["left_child"]), node(saved["right_child"])
        return saved["split_feature"], above(saved["threshold"]), saved["default_left"], *children
    trees = [node(tree["tree_structure"]) for tree in booster.dump_model()["tree_info"]]
    return trees, 0.0, booster.num_feature()


def as_ydf(node):
    """A tree of ours as one of ydf's: its positive child is where x >= threshold, the right one."""
    from ydf import tree
    if not isinstance(node, tuple):
        return tree.Leaf(value=tree.RegressionValue(value=node, num_examples=1))
    column, threshold, default_left, left, right = node
    condition = tree.NumericalHigherThanCondition(
        attribute=column, threshold=threshold, missing=not default_left, score=0.0)
    value = tree.RegressionValue(value=0.0, num_examples=1)
    return tree.NonLeaf(value=value, condition=condition, pos_child=as_ydf(right), neg_child=as_ydf(left))


def source(path):
    """The C++ of a model, with the function that bench/trees calls."""
    import ydf
    trees, base, features = (xgboost_trees if path.suffix == ".ubj" else lightgbm_trees)(path)
    random = np.random.default_rng(0)
    data = {f"f{column:02}": random.normal(size=400).astype(np.float32) for column in range(features)}
    # A label that needs every feature, so that the model has them all.
    data["y"] = sum(data.values())
    learner = ydf.GradientBoostedTreesLearner(
        label="y", task=ydf.Task.REGRESSION, features=sorted(name for name in data if name != "y"),
        num_trees=1, validation_ratio=0.0)
    model = learner.train(data, verbose=0)
    assert [feature.column_idx for feature in model.input_features()] == list(range(features))
    while model.num_trees():
        model.remove_tree(0)
    for tree in trees:
        model.add_tree(ydf.tree.Tree(root=as_ydf(tree)))
    model.set_initial_predictions([base])
    return model.to_standalone_cc(algorithm="ROUTING") + WRAPPER
