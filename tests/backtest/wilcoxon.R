# Writes wilcoxon.json: what R's wilcox.test says of published data. Run: Rscript wilcoxon.R > wilcoxon.json
# The data are those of its help page (Hollander & Wolfe 1973: permeability, depression; airquality) and others that
# come with R. The root search is tightened, since its default stops at 1e-4 in the data's unit.

sets <- list(
  permeability = list(
    x = c(0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46), y = c(1.15, 0.88, 0.90, 0.74, 1.21)),
  depression = list(
    x = c(1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30),
    y = c(0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29)),
  ozone = with(airquality, list(x = na.omit(Ozone[Month == 5]), y = na.omit(Ozone[Month == 8]))),
  sleep = with(sleep, list(x = extra[group == 1], y = extra[group == 2])),
  sprays = with(InsectSprays, list(x = count[spray == "A"], y = count[spray == "C"])),
  zeros = with(InsectSprays, list(x = count[spray == "C"], y = count[spray == "E"])),
  iris = with(iris, list(x = Sepal.Length[Species == "versicolor"], y = Sepal.Length[Species == "setosa"])),
  chicks = with(chickwts, list(x = weight[feed == "casein"], y = weight[feed == "linseed"])),
  eruptions = list(x = faithful$eruptions[1:136], y = faithful$eruptions[137:272]))

number <- function(value) paste(format(as.numeric(value), digits = 17), collapse = ", ")
result <- function(set, level, exact) {
  test <- suppressWarnings(wilcox.test(set$x, set$y, exact = exact, conf.int = TRUE, conf.level = level, tol.root = 1e-12))
  sprintf('{"confidence": %s, "exact": %s, "statistic": %s, "p": %s, "low": %s, "high": %s, "estimate": %s}',
    number(level), if (is.null(exact)) "null" else "false", number(test$statistic), number(test$p.value),
    number(test$conf.int[1]), number(test$conf.int[2]), number(test$estimate))
}

cat(sprintf('{"made_by": "%s, wilcoxon.R",\n "sets": {\n', R.version.string))
for (name in names(sets)) {
  set <- sets[[name]]
  results <- c(result(set, 0.95, NULL), result(set, 0.98, NULL), result(set, 0.95, FALSE), result(set, 0.98, FALSE))
  cat(sprintf('  "%s": {"x": [%s],\n   "y": [%s],\n   "results": [\n    %s]}%s\n', name, number(set$x), number(set$y),
    paste(results, collapse = ",\n    "), if (name == tail(names(sets), 1)) "" else ","))
}
cat(" }}\n")
