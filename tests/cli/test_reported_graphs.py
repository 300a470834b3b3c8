"""Lists of edges, GraphML and Matrix Market as people bring them: read as they were meant, or
refused with the reason. tests/data/reported has the files that came in reports; the others are like
them."""
import bz2
import csv
import gzip
import lzma
import os
import struct

from program import SOURCE, CliTest, main

REPORTED = os.path.join(SOURCE, "tests/data/reported")
GRAPHML = ('<?xml version="1.0" encoding="UTF-8"?>\n'
           '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"{}>\n{}'
           '<graph id="G" edgedefault="directed">\n{}</graph>\n</graphml>\n')
NODES = '<node id="a"/>\n<node id="b"/>\n'
WEIGHT = '<key id="d0" for="edge" attr.name="weight" attr.type="double"/>\n'


def float32(number):
    return struct.unpack("f", struct.pack("f", float(number)))[0]


class Reported(CliTest):
    def reported(self, name):
        return os.path.join(REPORTED, name)

    def imported(self, graph, *options, keep=None):
        """What the import printed as JSON, and the edges of the model: source, target, weight."""
        model = keep or self.path("m.bdh.h5")
        made = self.json("import", "--gx", graph, "--layers", 2, "-o", model, "--force", *options)
        table = self.path("e.csv")
        self.good("export", model, "-o", table, "--force")
        with open(table, newline="", encoding="utf-8") as f:
            edges = [(row["Source"], row["Target"], float32(row["Weight"]))
                     for row in csv.DictReader(f)]
        os.remove(table)
        os.remove(self.path("e.nodes.csv"))
        return made, sorted(edges)

    def wrong(self, graph, *says, options=()):
        target = self.path("refused.bdh.h5")
        self.refused(1, "import", "--gx", graph, "--layers", 2, "-o", target, *options, says=says)
        self.assertFalse(os.path.exists(target))

    def text(self, content, name="g.csv", encoding="utf-8"):
        return self.path(name, content.encode(encoding))

    def graphml(self, keys, elements, root=""):
        return self.text(GRAPHML.format(root, keys, elements), "g.graphml")

    def assertReads(self, graph, edges, *options, remarks=(), not_used=(), neurons=None):
        made, found = self.imported(graph, *options)
        self.assertEqual(found, sorted((a, b, float32(w)) for a, b, w in edges))
        self.assertEqual(made["remarks"], [r.format(graph) for r in remarks])
        self.assertEqual(made["origin"]["not_used"], [n.format(graph) for n in not_used])
        if neurons:
            self.assertEqual(made["populations"]["neurons"], neurons)


class Keys(Reported):
    def test_without_a_name_the_id_of_a_key_is_its_name(self):
        self.assertReads(self.reported("10-keys-without-names/id-only.graphml"),
                         [("a", "b", 0.25), ("b", "c", -0.5)])
        edge = '<edge source="a" target="b"><data key="{}">-2</data></edge>\n'
        for key in ('<key id="Weight" for="edge"/>', '<key id="weight"/>',
                    '<key id="syn_weight" attr.type="float" for="edge"/>'):
            name = key.split('"')[1]
            self.assertReads(self.graphml(key, NODES + edge.format(name)), [("a", "b", -2)])

    def test_an_undeclared_key_is_refused(self):
        self.wrong(self.reported("10-keys-without-names/never-declared.graphml"),
                   "graphml:6: data of key 'weight', which is not declared")
        self.wrong(self.graphml(WEIGHT, NODES + '<edge source="a" target="b">'
                                '<data key="d1">1</data></edge>\n'),
                   "g.graphml:7: data of key 'd1', which is not declared")
        self.wrong(self.graphml('<key id="d0" for="node" attr.name="weight"/>\n', NODES +
                                '<edge source="a" target="b"><data key="d0">1</data></edge>\n'),
                   "g.graphml:7: data of an edge with key 'd0'", "this one is for node")

    def test_edges_without_a_weight_are_counted(self):
        self.assertReads(self.reported("10-keys-without-names/called-otherwise.graphml"),
                         [("a", "b", 1)],
                         remarks=["{}: no weight on 1 of 1 edges, which have 'synaptic strength'; "
                                  "taken as 1"],
                         not_used=["edge attribute 'synaptic strength' ({})"])
        self.assertReads(self.graphml(WEIGHT, NODES + '<edge source="a" target="b"/>\n'
                                      '<edge source="b" target="a"><data key="d0"> 3\n</data>'
                                      '</edge>'),
                         [("a", "b", 1), ("b", "a", 3)],
                         remarks=["{}: no weight on 1 of 2 edges; taken as 1"])
        chosen = self.reported("10-keys-without-names/called-otherwise.graphml")
        self.assertReads(chosen, [("a", "b", -0.5)], "--columns", "weight=synaptic strength")

    def test_defaults(self):
        for name in ("for-all", "for-missing"):
            self.assertReads(self.reported(f"11-defaults-for-all/{name}.graphml"),
                             [("a", "b", 0.25), ("b", "c", 2)])
        self.assertReads(self.graphml('<key id="t" for="edge" attr.name="type"/>'
                                      '<key id="w" for="edge" attr.name="weight">'
                                      '<default>\n-1.5</default></key>\n', NODES +
                                      '<edge source="a" target="b"><data key="t">inhibitory</data>'
                                      '</edge>\n'), [("a", "b", -1.5)])
        self.wrong(self.graphml('<key id="w" for="edge" attr.name="weight">'
                                '<default>strong</default></key>\n', NODES +
                                '<edge source="a" target="b"/>\n'), "'strong', expected a finite")

    def test_weights_are_numbers(self):
        edge = NODES + '<edge source="a" target="b"><data key="w">1</data></edge>\n'
        for kind in ("string", "boolean"):
            self.wrong(self.graphml('<key id="w" for="edge" attr.name="weight" '
                                    f'attr.type="{kind}"/>',
                                    edge), f"the key of the 'weight' of edges is {kind}")
        for kind in ("int", "long", "float", "double"):
            self.assertReads(self.graphml('<key id="w" for="edge" attr.name="weight" '
                                          f'attr.type="{kind}"/>', edge), [("a", "b", 1)])


class Nodes(Reported):
    def test_references_blanks_and_prefixes(self):
        for name, source in (("numbers", "café"), ("blanks", "a"), ("prefixed", "a")):
            self.assertReads(self.reported(f"12-characters-and-attributes/{name}.graphml"),
                             [(source, "b", 0.5)])
        self.assertReads(self.reported("12-characters-and-attributes/id-behind.graphml"),
                         [("a", "b", 0.5)], not_used=["attribute 'label' of node ({})"])
        self.assertReads(self.graphml("", '<node id="&lt;&#x1F9E0;&amp;&gt;"/><node id="b"\t/>'
                                      '<edge target="b" source="&lt;&#129504;&amp;&gt;"/>\n'),
                         [("<🧠&>", "b", 1)],
                         remarks=["{}: no weight on 1 of 1 edges; taken as 1"])

    def test_encodings(self):
        body = GRAPHML.format("", WEIGHT, '<node id="caf\xe9"/>' + NODES +
                              '<edge source="caf\xe9" target="b"><data key="d0">2</data></edge>')
        for encoding in ("UTF-16", "ISO-8859-1", "UTF-8-SIG"):
            declared = body.replace("UTF-8", encoding.replace("-SIG", ""), 1)
            self.assertReads(self.text(declared, "g.graphml", encoding.lower()),
                             [("caf\xe9", "b", 2)])
        self.wrong(self.text(body.replace("UTF-8", "windows-1252", 1), "g.graphml"),
                   "g.graphml:1: an encoding that is not read", "save it as UTF-8")

    def test_ids_that_count_are_numbers(self):
        def graph(*ids):
            listed = "".join(f'<node id="{i}"/>' for i in ids)
            return self.graphml(WEIGHT, listed + f'<edge source="{ids[0]}" target="{ids[1]}">'
                                '<data key="d0">2</data></edge>\n')
        for ids in ((2, 0, 1), (0, 1), (3, 2, 1, 0)):
            made, edges = self.imported(graph(*ids))
            self.assertEqual((edges, made["remarks"]), ([(str(ids[0]), str(ids[1]), 2)], []))
            table = "%%MatrixMarket matrix coordinate real general\n{0} {0} 1\n{1} {2} 2\n"
            same, _ = self.imported(self.text(table.format(len(ids), ids[1] + 1, ids[0] + 1),
                                              "g.mtx"))
            self.assertEqual(made["content_sha256"], same["content_sha256"])
        self.assertReads(graph(5, 7), [("5", "7", 2)], neurons=2,
                         remarks=["{}: ids of nodes are not 0 to 1, so that they are names"])
        self.assertReads(graph("00", "1"), [("00", "1", 2)], neurons=2)
        self.assertReads(graph(1, 0), [("1", "0", 2)], "--ids", "names", neurons=2)

    def test_what_is_no_simple_graph_is_refused(self):
        edge = '<edge source="a" target="b"/>\n'
        for elements, says in (
                ('<node id="a"><port name="p"/></node>', "a port"),
                (NODES + edge.replace("/>", ' sourceport="p"/>'), "a port"),
                ('<node id="a"><graph edgedefault="directed"/></node>', "a nested graph"),
                (NODES + '<hyperedge><endpoint node="a"/></hyperedge>', "a hyperedge"),
                (NODES + edge.replace("/>", ' directed="false"/>'), "an undirected edge"),
                (NODES + '<node id="a"/>', "node 'a' again"),
                (NODES + '<edge source="a" target="z"/>', "an edge of a node that is not"),
                (NODES + '<edge source="a"/>', "an edge without target"),
                ("&eacute;", "no sound XML: undefined entity"),
                ("<node>", "a node without id")):
            self.wrong(self.graphml("", elements), says)
        self.wrong(self.text('<!DOCTYPE graphml [<!ENTITY a "aa">]><graphml/>', "g.graphml"),
                   "g.graphml:1: a document type")
        self.wrong(self.text("<svg/>", "g.graphml"), "XML with the element 'svg'")

    def test_edges_may_come_first_and_foreign_data_are_named(self):
        yed = ('<key for="node" id="d6" yfiles.type="nodegraphics"/>'
               '<key for="edge" id="w" attr.name="weight" attr.type="double"/>')
        elements = ('<edge id="e0" source="b" target="a"><data key="w">4</data></edge>'
                    '<node id="a"><data key="d6"><y:ShapeNode xmlns:y="urn:y"><y:NodeLabel>x'
                    '</y:NodeLabel></y:ShapeNode></data></node><node id="b"/>')
        self.assertReads(self.graphml(yed, elements, ' xmlns:y="urn:y"'), [("b", "a", 4)],
                         not_used=["node attribute 'd6' ({})"], neurons=2)


    def test_keys_of_one_name_are_one_attribute(self):
        # NetworkX writes a key for each type of numbers.
        keys = ('<key id="d1" for="edge" attr.name="weight" attr.type="double"/>'
                '<key id="d0" for="edge" attr.name="weight" attr.type="long"/>')
        edge = '<edge source="{}" target="{}">{}</edge>\n'
        first, second = '<data key="d0">1</data>', '<data key="d1">-0.25</data>'
        graph = self.graphml(keys, NODES + edge.format("a", "b", first) +
                             edge.format("b", "a", second))
        self.assertReads(graph, [("a", "b", 1), ("b", "a", -0.25)])
        self.assertReads(graph, [("a", "b", 1), ("b", "a", -0.25)], "--columns", "weight=weight")
        self.wrong(self.graphml(keys, NODES + edge.format("a", "b", first + second)),
                   "g.graphml:6: a second weight of an edge, expected one")
        default = keys.replace("/>", "><default>{}</default></key>")
        self.assertReads(self.graphml(default.format(7, 7), NODES + edge.format("a", "b", "")),
                         [("a", "b", 7)])
        self.wrong(self.graphml(default.format(7, 8), NODES + edge.format("a", "b", "")),
                   "another default of 'weight', expected '8', as the key before has")
        self.wrong(self.graphml(keys.replace('"weight" attr.type="long"',
                                             '"Weight" attr.type="long"'), NODES +
                                edge.format("a", "b", first)), "two columns called weight")


class Columns(Reported):
    def test_weights_under_another_name(self):
        self.assertReads(self.reported("13-weights-under-another-name/weights.csv"),
                         [("0", "1", 0.25), ("1", "2", -0.5)],
                         remarks=["{}: weight is 'weights'"])
        self.assertReads(self.reported("13-weights-under-another-name/syn_count.csv"),
                         [("0", "1", 25), ("1", "2", 3)], remarks=["{}: weight is 'syn_count'"],
                         not_used=["column 'neuropil' ({})"])
        self.assertReads(self.text("Pre,Post,Weight (nS),delay\n0,1,2,1.5\n1,0,-3,1.5\n"),
                         [("0", "1", 2), ("1", "0", -3)],
                         remarks=["{}: source is 'Pre', target is 'Post', weight is 'Weight (nS)'"],
                         not_used=["column 'delay' ({})"])
        self.assertReads(self.text("i,j,strength\n0,1,2\n1,0,-3\n"), [("0", "1", 1), ("1", "0", 1)],
                         remarks=["{}: source is 'i', target is 'j'",
                                  "{}: no column 'weight': all 2 edges have weight 1; not read: "
                                  "'strength'"], not_used=["column 'strength' ({})"])

    def test_the_user_names_columns(self):
        graph = self.text("x,y,strength\n0,1,2\n1,0,-3\n")
        edges = [("0", "1", 2), ("1", "0", -3)]
        self.assertReads(graph, edges, "--columns", "source=x,target=y,weight=strength",
                         remarks=["{}: source is 'x', target is 'y', weight is 'strength'"])
        self.assertReads(graph, edges, "--columns", "weight=3,source=1,target=2",
                         remarks=["{}: source is 'x', target is 'y', weight is 'strength'"])
        self.wrong(graph, "g.csv:1: 'x' and no columns source and target", "--columns source=A")
        self.wrong(self.text("source,target,weight\n0,1,1\n"),
                   "--columns: weight=w2, which no file has", options=("--columns", "weight=w2"))
        self.refused(2, "import", "--gx", graph, "--layers", 1, "-o", self.path("x.bdh.h5"),
                     "--columns", "weight", says=("--columns", "source=A,target=B,weight=C"))

    def test_two_columns_for_one_thing_are_refused(self):
        self.wrong(self.text("pre,post,syn_count,w\n0,1,2,3\n"),
                   "'syn_count' and 'w', each of which can be the weight",
                   "--columns weight=syn_count decides")
        self.wrong(self.text("pre,post,from,weight\n0,1,2,3\n"),
                   "'pre' and 'from', each of which can be the source")
        self.assertReads(self.text("pre,post,weight,w\n0,1,2,3\n1,0,2,3\n"),
                         [("0", "1", 2), ("1", "0", 2)],
                         remarks=["{}: source is 'pre', target is 'post'"],
                         not_used=["column 'w' ({})"])

    def test_ends_are_of_one_pair(self):
        for header, role, first, second in (("pre,post,weight,source", "source", "pre", "source"),
                                            ("i,j,w,target", "target", "j", "target"),
                                            ("source,post,w,target_id", "target", "post",
                                             "target_id")):
            graph = self.text(header + "\n0,1,0.5,7\n1,2,-0.25,8\n")
            self.wrong(graph, f"g.csv:1: '{first}' and '{second}', each of which can be the {role}",
                       f"--columns {role}={first} decides")
            made, edges = self.imported(graph, "--columns", f"{role}={first}")
            self.assertEqual(edges, [("0", "1", 0.5), ("1", "2", -0.25)])
            self.assertEqual(made["origin"]["not_used"], [f"column '{second}' ({graph})"])
        self.wrong(self.text("source,pre,target,post\n0,1,2,3\n"), "'target' and 'post', each of "
                   "which can be the target", options=("--columns", "source=pre"))
        self.assertReads(self.text("pre,source,target,post\n0,1,2,3\n"), [("1", "2", 1)],
                         remarks=["{}: no column 'weight': all 1 edges have weight 1; not read: "
                                  "'pre', 'post'", "{}: no edge touches neuron 0: ids count from "
                                  "0; --ids from-1?"],
                         not_used=["column 'pre' ({})", "column 'post' ({})"])

    def test_signs_agree_with_weights(self):
        self.wrong(self.text("source,target,weight,sign\n0,1,2,-1\n"), "inhibitory with weight 2")
        self.wrong(self.text("source,target,weight,type\n0,1,-2,exc\n"),
                   "excitatory with weight -2")
        self.assertReads(self.text("source,target,weight,sign\n0,1,-2,-1\n1,0,1,+1\n"),
                         [("0", "1", -2), ("1", "0", 1)])

    def test_words_for_signs(self):
        for role, words in (("type", ()), ("sign", ("1", "+1", "1.0"))):
            for word in ("E", "e", "Exc", "excitatory", "positive", "POS", "AMPA", "+",
                         "excitatory synapse", *words):
                row = f"source,target,weight,{role}\n0,1,{{}},{word}\n1,0,2,\n"
                self.assertReads(self.text(row.format(3)), [("0", "1", 3), ("1", "0", 2)])
                self.wrong(self.text(row.format(-3)), "g.csv:2: ",
                           "excitatory with weight -3.000000, expected inhibitory edges, and no "
                           "others, below 0")
        for role, words in (("type", ()), ("sign", ("-1", "-1.00"))):
            for word in ("I", "i", "inh", "Inhib", "Inhibitory", "GABA", "gabaergic", "GABA-A",
                         "neg", "negative", "IPSP", "glycine", "-", *words):
                row = f"source,target,weight,{role}\n0,1,{{}},{word}\n1,0,2,NA\n"
                self.assertReads(self.text(row.format(-3)), [("0", "1", -3), ("1", "0", 2)],
                                 not_used=[f"{role} 'na', which is neither excitatory nor "
                                           "inhibitory ({})"])
                self.wrong(self.text(row.format(3)), "g.csv:2: ", "inhibitory with weight 3.000000")

    def test_words_that_are_not_known_are_refused(self):
        table = "Source,Target,Weight,{}\n0,1,1,{}\n1,0,2,{}\n"
        none = ("--columns", "sign=none")
        for role, word in (("Type", "L4"), ("type", "1"), ("sign", "0"), ("Sign", "2"),
                           ("type", "modulatory"), ("type", "glutamate"), ("sign", "?")):
            graph = self.text(table.format(role, "E", word))
            self.wrong(graph, f"g.csv:3: {role.lower()} '{word}', expected a word for excitatory "
                       "or inhibitory; --columns sign=none reads edges by their weights alone")
            self.assertReads(graph, [("0", "1", 1), ("1", "0", 2)], *none,
                             not_used=[f"column '{role}' ({{}})"])
        for word in ("Mutual", "undirected", "electrical", "gap junction", "reciprocal"):
            graph = self.text(table.format("Type", "Directed", word))
            self.wrong(graph, "g.csv:3: an undirected edge", "expected directed edges, source -> "
                       "target; write it once for each direction; --columns sign=none")
            self.assertReads(graph, [("0", "1", 1), ("1", "0", 2)], *none,
                             not_used=["column 'Type' ({})"])
        self.assertReads(self.text(table.format("Type", "chemical", "Directed")),
                         [("0", "1", 1), ("1", "0", 2)],
                         not_used=["type 'chemical', which is neither excitatory nor inhibitory "
                                   "({})"])

    def test_the_user_names_the_column_of_signs(self):
        table = self.text("source,target,weight,effect,type\n0,1,1,E,x\n1,0,2,GABA,y\n")
        for chosen in ("effect", "EFFECT", "4"):
            self.wrong(table, "g.csv:3: 'GABA': inhibitory with weight 2",
                       options=("--columns", f"sign={chosen}"))
        self.assertReads(self.text("source,target,weight,effect,type\n0,1,1,E,x\n1,0,-2,I,y\n"),
                         [("0", "1", 1), ("1", "0", -2)], "--columns", "sign=effect",
                         not_used=["column 'type' ({})"])
        self.wrong(self.text("source,target,weight\n0,1,1\n"), "--columns: sign=effect, which no "
                   "file has", options=("--columns", "sign=effect"))

    def test_types_of_graphml(self):
        keys = WEIGHT + '<key id="{0}" for="edge" attr.name="{0}">{1}</key>\n'
        edge = ('<edge source="a" target="b"><data key="d0">{}</data></edge>\n')
        for name in ("type", "sign"):
            data = edge.replace("</edge>", f'<data key="{name}">{{}}</data></edge>')
            self.assertReads(self.graphml(keys.format(name, ""), NODES + data.format(-2, " I\n")),
                             [("a", "b", -2)])
            self.wrong(self.graphml(keys.format(name, ""), NODES + data.format(2, "GABA")),
                       "g.graphml:8: 'GABA': inhibitory with weight 2")
            self.wrong(self.graphml(keys.format(name, ""), NODES + data.format(2, "L4")),
                       f"g.graphml:8: {name} 'L4', expected a word for")
            graph = self.graphml(keys.format(name, "<default>inhibitory</default>"), NODES +
                                 edge.format(2))
            self.wrong(graph, "g.graphml:8: inhibitory with weight 2")
            self.assertReads(graph, [("a", "b", 2)], "--columns", "sign=none")

    def test_retention_and_rates_have_columns_of_their_own(self):
        ring = self.reported("13-retention-and-rates-under-another-name/ring.csv")
        half = self.reported("13-retention-and-rates-under-another-name/u.csv")
        edges = "0,1,{0}\n1,2,{0}\n2,0,{0}\n"

        def hash_of(*options):
            return self.imported(ring, *options)[0]["content_sha256"]
        weights = self.text("source,target,weight\n" + edges.format("0.5"), "w.csv")
        expected = hash_of("--retention", weights)
        self.assertNotEqual(expected, hash_of())
        for file in (half, self.text("source,target,Retention\n" + edges.format(".5"), "r.csv")):
            self.assertEqual(hash_of("--retention", file), expected)
        self.assertEqual(hash_of("--gs", weights),
                         hash_of("--gs", self.text("pre,post,rate\n" + edges.format("5e-1"),
                                                   "rate.csv")))
        for option in ("--retention", "--gs"):
            self.wrong(ring, "no column", "--columns weight=NAME",
                       options=(option, self.text("source,target,tau\n" + edges.format("1"))))
            self.wrong(ring, "no column", options=(option, self.text("0,1\n1,2\n2,0\n")))
        tau = self.text("source,target,tau\n" + edges.format("0.5"), "tau.csv")
        self.assertEqual(hash_of("--retention", tau, "--columns", "weight=tau"), expected)


class Ids(Reported):
    def test_text_is_text(self):
        self.assertReads(self.reported("14-leading-zeros/zeros.csv"),
                         [("7", "1", 0.5), ("07", "2", 1.5), ("007", "3", 2.5)],
                         remarks=["{0}:3: '07' is no number, so that the ids of all 6 nodes are "
                                  "names, '7' as well"], neurons=6)
        for odd in ("+1", "1.0", "1e0", "-1", "１"):
            made, edges = self.imported(self.text(f"source,target,weight\n{odd},1,2\n1,2,3\n"))
            self.assertEqual(edges, sorted([(odd, "1", 2), ("1", "2", 3)]))
            self.assertIn(f"'{odd}' is no number", made["remarks"][0])
            self.wrong(self.text(f"source,target,weight\n{odd},1,2\n1,2,3\n"), f"node '{odd}'",
                       options=("--ids", "from-0"))

    def test_text_in_quotes_is_text(self):
        graph = self.text('"source","target","weight"\n"7","8",0.5\n"8","7",1\n')
        self.assertReads(graph, [("7", "8", 0.5), ("8", "7", 1)], neurons=2,
                         remarks=["{0}:2: '7' is text, in quotes, so that the ids of all 2 nodes "
                                  "are names"])
        for header, weight in (('"source","target","weight"', '"1"'),
                               ("source,target,weight", "1")):
            made, _ = self.imported(self.text(f'{header}\n"0","1",{weight}\n"1","0",{weight}\n'))
            self.assertEqual(made["populations"]["neurons"], 2)
            self.assertEqual(made["remarks"], [])

    def test_ids_too_large_for_numbers_are_names(self):
        self.assertReads(self.reported("14-root-ids/ids.csv"),
                         [("720575940600000001", "720575940600000002", 0.5)], neurons=2,
                         remarks=["{0}:2: '720575940600000001' is too large for a number of a "
                                  "neuron, so that the ids of all 2 nodes are names"])
        self.assertReads(self.text("source,target,weight\n3,294792184,1\n294792184,3,-1\n"),
                         [("3", "294792184", 1), ("294792184", "3", -1)], neurons=2,
                         remarks=["{0}: numbers up to 294792184 do not count nodes, so that the "
                                  "ids of all 2 nodes are names"])

    def test_a_model_far_larger_than_its_edges_is_stated(self):
        graph = self.reported("14-a-million-neurons-of-one-edge/ids.csv")
        self.wrong(graph, "ids.csv: 900001 neurons, 899999 without an edge", "--neurons 900001",
                   "--ids names")
        self.assertReads(graph, [("5", "900000", 1)], "--ids", "names", neurons=2)
        self.assertReads(self.text("source,target,weight\n5,20000,1\n"), [("5", "20000", 1)],
                         "--neurons", 20001, "--sensory", "random:1@1", neurons=20001)
        self.wrong(self.text("source,target,weight\n5,20000,1\n"), "20001 neurons")
        self.wrong(self.text("source,target,weight\n5,7,1\n"), "g.csv:2: neuron 7",
                   "below 7", options=("--neurons", 7))

    def test_neurons_without_edges_are_named(self):
        ring = self.reported("15-ids-from-one/ring.csv")
        self.assertReads(ring, [("1", "2", 1), ("2", "3", 1), ("3", "1", 1)], neurons=4,
                         remarks=["{}: no edge touches neuron 0: ids count from 0; --ids from-1?"])
        self.assertReads(ring, [("0", "1", 1), ("1", "2", 1), ("2", "0", 1)], "--ids", "from-1",
                         neurons=3)
        self.assertReads(ring, [("1", "2", 1), ("2", "3", 1), ("3", "1", 1)], "--neurons", 4,
                         neurons=4)
        self.assertReads(ring, [("1", "2", 1), ("2", "3", 1), ("3", "1", 1)], "--ids", "names",
                         neurons=3)
        self.assertReads(self.text("source,target,weight\n0,4,1\n4,0,2\n"),
                         [("0", "4", 1), ("4", "0", 2)], neurons=5,
                         remarks=["{}: no edge touches 3 of 5 neurons, the first of them 1: ids "
                                  "count from 0; --neurons 5 if they are meant"])
        self.wrong(self.text("source,target,weight\n0,1,1\n"), "g.csv:2: neuron 0",
                   options=("--ids", "from-1"))

    def test_numbers_are_looked_up_where_another_file_has_names(self):
        names = self.text("source,target,weight\nx,0,1\n0,x,1\n", "names.csv")
        readout = self.text("source,target,weight\n0,1,0.5\n", "readout.csv")
        made, _ = self.imported(names, "--readout", readout, "--vocabulary", 3)
        self.assertEqual(made["populations"], {"neurons": 2, "sensory": 3, "readout": 3})
        self.wrong(names, "readout.csv: node '1'",
                   options=("--readout", self.text("source,target\n1,0\n", "readout.csv")))

    def test_synapses_have_the_neurons_of_the_circuits(self):
        names = self.text("source,target,weight\nAVAL,AVBL,0.5\nAVBL,AVDL,0.25\n", "names.csv")
        numbers = self.text("source,target,weight\n0,1,0.5\n1,2,0.25\n", "numbers.csv")
        for circuit, known, other in ((names, "AVBL", "AVBl"), (names, "AVBL", "0"),
                                      (numbers, "1", "07"), (numbers, "1", "AVAL")):
            rows = "source,target,rate\n{0},{0},1\n"
            for option in ("--gs", "--retention"):
                self.wrong(circuit, f"gs.csv: node '{other}', expected a neuron of the circuits",
                           options=(option, self.text(rows.format(other), "gs.csv"),
                                    "--columns", "weight=rate"))
            made, _ = self.imported(circuit, "--gs", self.text(rows.format(known), "gs.csv"))
            self.assertEqual(made["populations"]["neurons"], 3)
        far = self.text("source,target,rate\n0,3,1\n", "gs.csv")
        self.wrong(numbers, "gs.csv:2: neuron 3, expected below 3", options=("--gs", far))
        self.assertReads(numbers, [("0", "1", 0.5), ("1", "2", 0.25)], "--gs", far, "--neurons", 4,
                         neurons=4)
        # An edge of synapses does not make a neuron a part of a circuit.
        between = self.text("source,target,weight\n0,1,0.5\n1,3,0.25\n", "between.csv")
        self.assertReads(between, [("0", "1", 0.5), ("1", "3", 0.25)], "--gs",
                         self.text("source,target,rate\n2,2,1\n", "gs.csv"), neurons=4,
                         remarks=["{}: no edge touches 1 of 4 neurons, the first of them 2: ids "
                                  "count from 0; --neurons 4 if they are meant"])

    def test_neurons_that_only_gy_has_are_named(self):
        rows = "source,target,weight\n{},{},1\n{},{},2\n"
        for gx, gy, neurons, says in (
                ((0, 1, 1, 2), (0, 1, 2, 3), 4, "1 neuron that {0} does not have: 3"),
                ((0, 1, 1, 2), (4, 1, 2, 3), 5,
                 "2 neurons that {0} does not have, the first of them 3"),
                ("abbc", "abbd", 4, "1 neuron that {0} does not have: 'd'"),
                ("abbc", "abBC", 5, "2 neurons that {0} does not have, the first of them 'B'"),
                ("abbc", "cbac", 3, None)):
            first, second = (self.text(rows.format(*edges), name)
                             for edges, name in ((gx, "gx.csv"), (gy, "gy.csv")))
            made, _ = self.imported(first, "--gy", second)
            self.assertEqual(made["populations"]["neurons"], neurons)
            self.assertEqual(made["remarks"],
                             [f"{second}: {says.format(first)}"] if says else [])

    def test_ids_of_spreadsheets_and_of_floating_point(self):
        rows = "source,target,weight\n{0},{1},5\n{1},{0},3\n"
        for first, second in (("7.20576E+17", "7.20577E+17"), ("1e+05", "2"), ("5", "7.2e17"),
                              ("720575940621039145", "7.2057594062104E+17")):
            graph = self.text(rows.format(first, second))
            rounded = second if first in ("5", "720575940621039145") else first
            self.wrong(graph, f"g.csv:2: the id '{rounded}', a rounded number, expected ids with "
                       "all digits; write them as text, not as numbers of a spreadsheet; --ids "
                       "names takes them as names")
            self.assertReads(graph, [(first, second, 5), (second, first, 3)], "--ids", "names")
        for first, second in (("0.0", "1.0"), ("0.000000e+00", "1.000000e+00"), ("7.", "8.")):
            self.assertReads(self.text(rows.format(first, second)),
                             [(first, second, 5), (second, first, 3)],
                             remarks=[f"{{}}: ids are numbers with a point, as '{first}', so that "
                                      "they are names; written as whole numbers they count "
                                      "neurons"])
        for first, second in (("1E5", "B"), ("0.5", "1.5"), ("L2.3", "e+5"), ("5e-1", "1.")):
            self.assertReads(self.text(rows.format(first, second)),
                             [(first, second, 5), (second, first, 3)])

    def test_our_own_export_comes_back_as_the_same_model(self):
        graph = self.reported("14-our-own-export-comes-back-as-another-model/ids.graphml")
        zero = self.text("source,target,weight\n1,0,-0\n2,1,1e-42\n0,0,3\n", "zero.csv")
        isolated = self.text("%%MatrixMarket matrix coordinate real general\n"
                             "5 5 2\n2 1 1\n1 2 -1\n", "isolated.mtx")
        numbers = self.graphml(WEIGHT, "".join(f'<node id="{i}"/>' for i in (0, 1, 2)) +
                               '<edge source="1" target="2"><data key="d0">1</data></edge>\n')
        for file in (graph, zero, isolated, numbers):
            model = self.path("own.bdh.h5")
            made, edges = self.imported(file, keep=model)
            for kind in ("csv", "graphml"):
                exported, again = self.path(f"a.{kind}"), self.path("again.bdh.h5")
                self.good("export", model, "-o", exported, "--force")
                back = self.json("import", "--gx", exported, "--layers", 2, "-o", again, "--force")
                self.assertEqual(back["content_sha256"], made["content_sha256"], (file, kind))
                self.assertEqual(back["remarks"], [])
                self.assertEqual(self.imported(exported)[1], edges)

    def test_a_part_of_a_model_is_read_by_its_edges(self):
        model, part = self.path("m.bdh.h5"), self.path("part.csv")
        self.imported(self.text("source,target,weight\n0,1,3\n1,2,2\n2,3,1\n3,0,1\n"), keep=model)
        self.good("export", model, "-o", part, "--top-weights", 2)
        made, edges = self.imported(part)
        self.assertEqual(edges, [("0", "1", 3), ("1", "2", 2)])
        self.assertEqual(made["origin"]["not_used"],
                         [self.path("part.nodes.csv") + ", which has not all neurons of a model"]
                         if made["origin"]["not_used"] else [])


class Dialects(Reported):
    TEXT = "source{0}target{0}weight\n0{0}1{0}0.25\n1{0}2{0}-0.5\n"
    EDGES = [("0", "1", 0.25), ("1", "2", -0.5)]

    def test_separators(self):
        self.assertReads(self.reported("16-separators-and-encodings/semicolons.csv"), self.EDGES,
                         remarks=["{}: separated by ';', decimal commas"])
        for separator, name in (("\t", "tabs"), ("  ", "blanks"), (" \t", "tabs"),
                                ("|", "'|'"), (";", "';'")):
            self.assertReads(self.text(self.TEXT.format(separator)), self.EDGES,
                             remarks=[f"{{}}: separated by {name}"])
        self.assertReads(self.text('source,target,weight\n0,1,"0,25"\n1,2,"-0,5"\n'), self.EDGES,
                         remarks=["{}: decimal commas"])
        self.assertReads(self.text("source\ttarget\tweight\n0\t1\t0,25\n1\t2\t-0,5\n"), self.EDGES,
                         remarks=["{}: separated by tabs, decimal commas"])

    def test_a_comma_that_can_be_either_is_refused(self):
        self.wrong(self.text('source,target,weight\n0,1,"1,234"\n1,2,"-2,500"\n'),
                   "g.csv:2: '1,234'", "separate thousands")
        self.wrong(self.text("source;target;weight\n0;1;0.5\n1;2;0,5\n"), "g.csv:3: '0,5'",
                   "a decimal point")
        self.wrong(self.text("source;target;weight\n0;1;1.234,5\n"), "'1.234,5'")
        self.wrong(self.text("source;target;weight\n0;1;0,5\n1;2;0.5\n"), "g.csv:3: '0.5'",
                   "a decimal comma")

    def test_a_point_that_can_be_either_is_refused(self):
        says = ("expected a number with a comma, or without separators; where ';' separates "
                "columns a point before three digits can separate thousands")
        rows = "source;target;weight\n0;1;{}\n1;2;{}\n2;0;{}\n"
        for numbers in (("7", "1.234", "850"), ("1.234", "-12.500", "3"), ("1", "2", "+123.456")):
            graph = self.text(rows.format(*numbers))
            first = next(n for n in numbers if "." in n)
            self.wrong(graph, f"g.csv:{2 + numbers.index(first)}: '{first}', {says}")
            self.assertEqual(len(self.imported(self.text(
                rows.format(*numbers).replace(";", ",")))[1]), 3)
        for numbers, more in ((("7", "1.234", "0.5"), ""), (("7", "12.34", "1.234"), ""),
                              (("1.234", "2.500", "3.125"), ", decimal points"),
                              (("0.125", "3", "4"), "")):
            self.assertReads(self.text(rows.format(*numbers)),
                             [("0", "1", numbers[0]), ("1", "2", numbers[1]),
                              ("2", "0", numbers[2])], remarks=["{}: separated by ';'" + more])
        for number in ("1.234.567", "1,234,567", "1.234,5", "1,234.5"):
            self.wrong(self.text(rows.format(number, 1, 2)), f"g.csv:2: '{number}', expected a "
                       "number without separators of thousands")
        self.wrong(self.text('source,target,weight\n0,1,"1,000.5"\n1,2,"2,500.25"\n'),
                   "g.csv:2: '1,000.5', expected a number without separators of thousands")

    def test_tables_of_r_of_spreadsheets_and_of_matlab(self):
        edges, named = [("1", "2", 0.5), ("2", "1", -0.25)], [("a", "b", 0.5), ("b", "a", -0.25)]
        row_names = "a first column without a name in the header, not read"
        self.assertReads(self.text('"source" "target" "weight"\n"1" "a" "b" 0.5\n'
                                   '"2" "b" "a" -0.25\n'), named,
                         remarks=["{}: separated by blanks, " + row_names])
        self.assertReads(self.text('from\tto\tweight\n1\ta\tb\t0.5\n2\tb\ta\t-0.25\n'), named,
                         remarks=["{}: separated by tabs, " + row_names +
                                  ", source is 'from', target is 'to'"])
        self.assertReads(self.text('"source","target","weight"\n"x","a","b",0.5\n'
                                   '"y","b","a",-0.25\n'), named, remarks=["{}: " + row_names])
        for rows in ("0,1,0.5,3\n1,0,2,4\n", "a,b,0.5,\nb,a,1,\n", "1,2,0.5,\n2,1,1,\n"):
            self.wrong(self.text("source,target,weight\n" + rows),
                       "g.csv:2: 4 fields, expected 3, as the header has")
        for first in ("sep=;", '"sep=;"', "SEP=;"):
            self.assertReads(self.text(f"{first}\nsource;target;weight\n1;2;0,5\n2;1;-0,25\n"),
                             edges, "--ids", "names",
                             remarks=["{}: separated by ';', decimal commas"])
        self.assertReads(self.text("sep=|\n1|2|0.5\n2|1|-0.25\n"), edges, "--ids", "names",
                         remarks=["{}: separated by '|', no header: column 1 is the source, 2 the "
                                  "target, 3 the weight"])
        for separator, end in ((";", ";;\n;;\n"), (",", ",,\n"), (",", " , ,\n\n,,")):
            self.assertReads(self.text(f"source,target,weight\n1,2,0.5\n2,1,-0.25\n"
                                       .replace(",", separator) + end), edges, "--ids", "names",
                             remarks=["{}: separated by ';'"] if separator == ";" else [])
        self.wrong(self.text("source,target,weight\n1,2,0.5\n,,3\n"), "g.csv:3: ")
        self.assertReads(self.text("EndNodes_1,EndNodes_2,Weight\n1,2,0.5\n2,1,-0.25\n"), edges,
                         "--ids", "names",
                         remarks=["{}: source is 'EndNodes_1', target is 'EndNodes_2'"])
        self.wrong(self.text("0 1 {'weight': 0.5}\n1 2 {}\n"), "g.csv:1: ", "an edge of NetworkX "
                   "with attributes, expected weights as numbers; networkx.write_weighted_edgelist")

    def test_columns_of_tokens(self):
        circuit = self.text("source,target,weight\n0,1,0.5\n1,2,0.25\n")
        expected = None
        for header in ("source,target,weight", "token,neuron,weight", "Token ID,Neuron ID,w"):
            sensory = self.text(header + "\n65,0,1\n66,2,2\n", "s.csv")
            readout = self.text(",".join(reversed(header.split(",")[:2])) + ",weight\n0,65,1\n",
                                "r.csv") if "oken" in header else \
                self.text("source,target,weight\n0,65,1\n", "r.csv")
            made, _ = self.imported(circuit, "--sensory", sensory, "--readout", readout)
            expected = expected or made["content_sha256"]
            self.assertEqual(made["content_sha256"], expected)
        self.wrong(self.text("token,neuron,weight\n0,1,1\n"), "no columns source and target")

    def test_other_files_are_named(self):
        rows = b"source,target,weight\n0,1,1\n"
        for data, says in ((gzip.compress(rows), "a file compressed by gzip, expected a graph, as "
                            "it was before or exported; gunzip FILE"),
                           (bz2.compress(rows), "a file compressed by bzip2"),
                           (lzma.compress(rows), "a file compressed by xz"),
                           (b"MATLAB 5.0 MAT-file, Platform", "a MAT-file of MATLAB 5"),
                           (b"PAR1\x15\x04\x15", "a Parquet file"),
                           (b"\x80\x04\x95", "a pickle of Python")):
            self.wrong(self.path("g.csv", data), "g.csv: " + says)
        self.assertReads(self.text("PAR1,BZh,3\n"), [("PAR1", "BZh", 3)],
                         remarks=["{}: no header: column 1 is the source, 2 the target, 3 the "
                                  "weight"])
        model = self.path("m.bdh.h5")
        self.imported(self.text("source,target,weight\n0,1,1\n"), keep=model)
        for place, says in ((model, f"{model}: an HDF5 file"),
                            (f"{model}:/projections", f"{model}:/projections: no matrix")):
            self.wrong(place, says + ", expected the group in it that holds the matrix; bdh export "
                       f"{model} -o FILE.csv writes the circuit of a model")
        self.assertReads(f"{model}:/projections/gx_excitatory", [("0", "1", 1)])
        self.wrong(self.text("source,target,weight\n0,1500000,1\n"), "g.csv:2: node 1500000, "
                   "expected below 1000000; --neurons 1500001 takes it",
                   options=("--ids", "from-0"))

    def test_headers(self):
        for text, says in (("0,1,0.25\n1,2,-0.5\n", ""), ("0 1 0.25\n1 2 -0.5\n",
                                                          "separated by blanks, "),
                           ("0;1;0,25\n1;2;-0,5\n", "separated by ';', ")):
            comma = ", decimal commas" if ";" in says else ""
            self.assertReads(self.text(text), self.EDGES,
                             remarks=[f"{{}}: {says}no header: column 1 is the source, 2 the "
                                      f"target, 3 the weight{comma}"])
        self.assertReads(self.text("# source target weight\n0 1 0.25\n1 2 -0.5\n"), self.EDGES,
                         remarks=["{}: separated by blanks"])
        self.assertReads(self.text("# Directed graph\n# FromNodeId\tToNodeId\n0\t1\n1\t0\n"),
                         [("0", "1", 1), ("1", "0", 1)],
                         remarks=["{}: separated by tabs, source is 'FromNodeId', target is "
                                  "'ToNodeId'",
                                  "{}: no column 'weight': all 2 edges have weight 1"])
        self.assertReads(self.text("x 0.25 0 1\nx -0.5 1 2\n"), self.EDGES, "--columns",
                         "source=3,target=4,weight=2",
                         remarks=["{}: separated by blanks, no header: column 3 is the source, 4 "
                                  "the target, 2 the weight"])
        self.wrong(self.text("a b c d\n0 1 2 3\n"), "no columns source and target", "--columns")

    def test_encodings_and_line_ends(self):
        text = self.TEXT.format(",")
        self.assertReads(self.text(text, encoding="utf-16"), self.EDGES, remarks=["{}: UTF-16"])
        self.assertReads(self.path("g.csv", b"\xfe\xff" + text.encode("utf-16-be")), self.EDGES,
                         remarks=["{}: UTF-16"])
        self.assertReads(self.text(text, encoding="utf-8-sig"), self.EDGES)
        self.assertReads(self.text(text.replace("\n", "\r")), self.EDGES,
                         remarks=["{}: line ends of old Macs"])
        self.assertReads(self.text(text.replace("\n", "\r\n")[:-2]), self.EDGES)
        self.wrong(self.text(text, encoding="utf-16-le"), "bytes of 0", "save the file as UTF-8")
        self.wrong(self.text(text, encoding="utf-32"), "UTF-32", "save the file as UTF-8")
        self.wrong(self.text("source,target,weight\ncaf\xe9,b,1\n", encoding="latin-1"),
                   "g.csv:2: a name of 4 bytes", "is it Latin-1? save the file as UTF-8")
        self.assertReads(self.text("source,target,weight\ncaf\xe9,🧠,1\n", encoding="utf-16"),
                         [("caf\xe9", "🧠", 1)], remarks=["{}: UTF-16"])
        self.assertReads(self.text("'source','target','weight'\n'a b','c''d',2\n"),
                         [("a b", "c'd", 2)], remarks=["{}: single quotes"])


class Numbers(Reported):
    def test_fields_and_exponents_of_matrix_market(self):
        self.assertReads(self.reported("17-fields/unsigned.mtx"), [("0", "1", 3), ("1", "2", 17)])
        self.assertReads(self.reported("17-exponents-of-fortran/fortran.mtx"),
                         [("0", "1", 0.25), ("1", "2", -0.5)])
        head = "%%MatrixMarket matrix coordinate {} general\n% a remark\n2 2 1\n2 1 {}\n"
        for field, value, weight in (("Real", "1.5d1", 15), ("real", "-2D-1", -0.2),
                                     ("unsigned-integer", "4", 4)):
            made, edges = self.imported(self.text(head.format(field, value), "g.mtx"))
            self.assertEqual(len(edges), 1)
            self.assertAlmostEqual(edges[0][2], weight, places=6)
        for field in ("complex", "double"):
            self.wrong(self.text(head.format(field, "1 0"), "g.mtx"), f"g.mtx:1: '{field}' entries")
        self.wrong(self.text(head.format("real", "1D"), "g.mtx"), "g.mtx:4: '1D'")

    def test_storage(self):
        self.assertReads(self.reported("18-symmetric-storage/symmetric.mtx"),
                         [("0", "0", 0.5), ("0", "1", 0.25), ("1", "0", 0.25), ("1", "2", -2),
                          ("2", "1", -2)],
                         remarks=["{}: symmetric storage: 3 entries are 5 edges"])
        head = "%%MatrixMarket matrix {} {} {}\n"
        self.assertReads(self.text(head.format("coordinate", "real", "skew-symmetric") +
                                   "2 2 1\n2 1 3\n", "g.mtx"), [("0", "1", 3), ("1", "0", -3)],
                         remarks=["{}: skew-symmetric storage: 1 entries are 2 edges"])
        self.assertReads(self.text(head.format("coordinate", "pattern", "symmetric") +
                                   "2 2 1\n2 1\n", "g.mtx"), [("0", "1", 1), ("1", "0", 1)],
                         remarks=["{}: symmetric storage: 1 entries are 2 edges",
                                  "{}: a pattern, which has no numbers: all 2 edges have weight "
                                  "1"])
        pattern = self.text(head.format("coordinate", "pattern", "general") + "2 2 1\n2 1\n",
                            "p.mtx")
        self.assertReads(pattern, [("0", "1", 1)],
                         remarks=["{}: a pattern, which has no numbers: all 1 edges have weight "
                                  "1"])
        for option, word in (("--gs", "rate"), ("--retention", "retention")):
            self.wrong(pattern, "p.mtx: a pattern, which has no numbers, expected a "
                       f"{word} for each edge", options=(option, pattern))
        self.assertReads(self.text(head.format("array", "real", "general") +
                                   "2 2\n0\n3\n-1\n0\n", "g.mtx"), [("0", "1", 3), ("1", "0", -1)],
                         remarks=["{}: an array: 4 values, of which those that are not 0 are 2 "
                                  "edges"])
        self.assertReads(self.text(head.format("array", "integer", "symmetric") +
                                   "2 2\n5\n3\n0\n", "g.mtx"),
                         [("0", "0", 5), ("0", "1", 3), ("1", "0", 3)],
                         remarks=["{}: symmetric storage: 3 entries are 3 edges"])
        self.wrong(self.text(head.format("coordinate", "complex", "hermitian") + "1 1 0\n",
                             "g.mtx"),
                   "'complex' entries")
        self.wrong(self.text(head.format("coordinate", "real", "skew-symmetric") +
                             "2 2 1\n1 1 3\n", "g.mtx"), "an entry on the diagonal")
        self.wrong(self.text(head.format("array", "real", "general") + "2 2\n0\n3\n-1\n", "g.mtx"),
                   "3 entries, expected 4")

    def test_what_float32_cannot_hold_is_named(self):
        self.assertReads(self.reported("17-fields/large.mtx"),
                         [("0", "1", 16777216), ("1", "2", 16777220)],
                         remarks=["{0}: 2 weights are rounded to float32: 16777217 -> 16777216 "
                                  "({0}:3), 16777219 -> 16777220 ({0}:4)"])
        self.assertReads(self.reported("17-exponents-of-fortran/large.csv"),
                         [("0", "1", 16777216), ("1", "0", 1)],
                         remarks=["{0}: 1 weight is rounded to float32: 16777217 -> 16777216 "
                                  "({0}:2)"])
        self.assertReads(self.reported("19-too-small-for-float32/tiny.csv"),
                         [("0", "1", 0), ("1", "0", 0.5)],
                         remarks=["{0}: 1 weight is too small for float32 and becomes 0: -1e-46 "
                                  "({0}:2)"])
        made, _ = self.imported(self.reported("19-too-small-for-float32/tiny.csv"))
        self.assertEqual(made["direct"]["Gx"], {"excitatory": 1, "inhibitory": 1})
        self.assertReads(self.graphml(WEIGHT, NODES + '<edge source="a" target="b"><data key="d0">'
                                      '9007199254740993</data></edge>\n'),
                         [("a", "b", 9007199254740992)],
                         remarks=["{0}: 1 weight is rounded to float32: 9007199254740993 -> "
                                  "9007199254740992 ({0}:7)"])
        self.assertReads(self.text("source,target,weight\n0,1,1e-400\n1,0,33554432\n"),
                         [("0", "1", 0), ("1", "0", 33554432)],
                         remarks=["{0}: 1 weight is too small for float32 and becomes 0: 1e-400 "
                                  "({0}:2)"])
        self.wrong(self.text("source,target,weight\n0,1,1e400\n"), "'1e400', expected a finite")


class Empty(Reported):
    def test_a_model_without_edges(self):
        graph = self.text("%%MatrixMarket matrix coordinate real general\n3 3 0\n", "none.mtx")
        model, matrix = self.path("m.bdh.h5"), self.path("e.mtx")
        made, edges = self.imported(graph, keep=model)
        self.assertEqual(edges, [])
        self.assertEqual(made["remarks"], [graph + ": no edges: Gx drives no neuron"])
        self.good("export", model, "-o", matrix)
        back = self.json("import", "--gx", matrix, "--layers", 2, "-o", self.path("b.bdh.h5"))
        self.assertEqual(back["content_sha256"], made["content_sha256"])
        self.refused(1, "export", model, "-o", self.path("part.mtx"), "--min-weight", "1",
                     says=("no edges to export", "fewer conditions leave more"))
        for record in ("synapses:top:3", "synapses:all"):
            self.refused(1, "run", model, "--text", "a", "-o", self.path("r"), "--record", record,
                         says=("the model has no synapses",))
        self.wrong(self.text("source,target,weight\n"), "g.csv: no edges", "--neurons N")
        self.assertReads(self.text("source,target,weight\n"), [], "--neurons", 3, neurons=3,
                         remarks=["{}: no edges: Gx drives no neuron"])


if __name__ == "__main__":
    main()
